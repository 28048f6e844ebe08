"""`screen submit`: what cannot be queued for a mistake in the settings is said before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from models.manifest import Manifest
from storage.counts import batch_ids
from storage.database import Database


def test_a_broker_url_that_is_none_makes_no_batch(
    sqlite_database: Database, installed_model: Manifest, photograph: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("DERMSCREEN_BROKER_URL", "http://ward")
    assert run(["submit", str(photograph(tmp_path / "1.jpg"))]) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: the broker URL http://ward cannot be read: expected redis://")
    with sqlite_database.read() as session:
        assert batch_ids(session) == []
