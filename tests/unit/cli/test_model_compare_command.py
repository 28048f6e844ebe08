"""`screen model compare`: scores are compared for the weights that gave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cli.main import run
from models.catalogue import DEFAULT_MODEL
from models.manifest import Manifest
from storage.database import Database
from storage.settings import Settings


@pytest.mark.parametrize("mine_first", [True, False])
def test_scores_of_other_weights_are_compared_for_none(
    mine_first: bool, sqlite_database: Database, installed_model: Manifest, settings: Settings,
    submit: Callable[..., str], received: Callable[..., Any], capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    submit(sqlite_database, received(1))
    both = [installed_model.name, DEFAULT_MODEL] if mine_first else [DEFAULT_MODEL, installed_model.name]
    assert run(["model", "compare", *both]) == 0
    raw = installed_model.raw | {"weights": installed_model.raw["weights"] | {"sha256": "f" * 64}}
    (settings.home / "models" / installed_model.name / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    capsys.readouterr()
    assert run(["model", "compare", *both]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"other weights: expected SHA-256 {'0' * 64}, received {'f' * 64}" in shown.err
