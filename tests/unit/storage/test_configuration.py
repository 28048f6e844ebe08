"""Settings are on the chain when they change, without their secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from storage import audit, configuration, schedules
from storage.database import Database
from storage.schema import AuditEvent
from storage.settings import Settings


def noted(database: Database, settings: Settings) -> bool:
    with database.write() as session:
        return configuration.note(session, settings)


def bodies(database: Database) -> list[dict[str, str]]:
    with database.read() as session:
        audit.verify(session)
        return [json.loads(body) for body in session.scalars(select(AuditEvent.body).order_by(AuditEvent.seq))]


def test_only_a_change_is_noted(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMSCREEN_MODEL", raising=False)
    settings = Settings(tmp_path, broker_url="redis://nurse:hush@broker/0")
    assert [noted(database, settings), noted(database, settings)] == [True, False]
    monkeypatch.setenv("DERMSCREEN_MODEL", "other-1")
    assert noted(database, replace(settings, lease_seconds=7))
    first, second = bodies(database)
    assert (first["event"], "old" in first) == ("configuration.changed", False)
    assert second["old"] == first["new"]
    new = json.loads(second["new"])
    assert (new["model"], new["lease_seconds"], new["database"]) == ("other-1", 7, "embedded")
    assert new["broker"] == "redis://nurse:***@broker/0"


def test_where_checkpoints_go_and_their_key_are_settings_too(database: Database, tmp_path: Path) -> None:
    twice = Settings(tmp_path, checkpoints_url="sftp://nurse:hush@archive/derm", audit_key=tmp_path / "audit.key")
    steps = [twice, twice, replace(twice, checkpoints_url=None), Settings(tmp_path)]
    assert [noted(database, settings) for settings in steps] == [True, False, True, True]
    told = [json.loads(body["new"]) for body in bodies(database)]
    assert [(new["checkpoints"], new["audit_key"]) for new in told] == [
        ("sftp://nurse:***@archive/derm", str(tmp_path / "audit.key")),
        ("in the data folder", str(tmp_path / "audit.key")),
        ("in the data folder", "in the data folder"),
    ]


def test_another_host_notes_its_own(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert noted(database, Settings(tmp_path))
    monkeypatch.setattr(configuration.socket, "gethostname", lambda: "another")
    assert noted(database, Settings(tmp_path))


def test_a_changed_timetable_is_noted_without_the_names_of_folders(database: Database) -> None:
    for cron in ("0 2 * * *", "0 2 * * *", "0 3 * * *"):
        with database.write() as session:
            schedules.put(
                session, folder="/ward/Erika", cron=cron, reports="/reports/Erika", site=None, submitter="night"
            )
    first, second = bodies(database)
    assert second["old"] == first["new"]
    assert json.loads(second["new"])["cron"] == "0 3 * * *"
    assert "Erika" not in first["new"] + second["new"]
