"""Counts, rows and the end of the audit trail of one report are of one moment, while workers go on screening."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cli.main import run
from storage.audit import checkpoints
from storage.database import Database
from storage.settings import Settings


@pytest.mark.parametrize("flagged", [True, False])
def test_what_is_screened_while_it_is_written(
    settings: Settings, database: Database, submit: Callable[..., str], received: Any, screen: Any, flagged: bool,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if database.engine.dialect.name == "postgresql":
        monkeypatch.setenv("DERMSCREEN_DATABASE_URL", database.url)
    items = received(3)
    batch_id = submit(database, items)
    end_of_trail = checkpoints.end_of_trail

    def disturbed(*given: Any) -> Any:
        screen(database, {item.image: 0.9 for item in items})
        return end_of_trail(*given)

    monkeypatch.setattr(checkpoints, "end_of_trail", disturbed)
    assert run(["report", "--json", *([] if flagged else ["--all"])]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    (counts,) = found["batches"]
    assert (counts["batch"], counts["state"], counts["screened"]) == (batch_id, "open", 0)
    assert [row["outcome"] for row in found["images"]] == ([] if flagged else ["waiting"] * 3)
    assert "3 images not yet screened" in err
    assert run(["report", "--json"]) == 0
    later = json.loads(capsys.readouterr().out)
    assert len(later["images"]) == 3
    assert later["audit"]["size"] > found["audit"]["size"]
