"""The timetable: a folder comes on it, off it, and on again, and the audit trail says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from storage import schedules
from storage.database import Database
from storage.schema import AuditEvent, Schedule


def put(database: Database, folder: str, cron: str = "30 2 * * *") -> int:
    with database.write() as session:
        return schedules.put(session, folder=folder, cron=cron, reports="/r", site=None, submitter="nurse")


def off(database: Database, folder: str) -> bool:
    with database.write() as session:
        return schedules.take_off(session, folder=folder)


def on_it(database: Database) -> list[tuple[int, str]]:
    with database.read() as session:
        return [(item.id, item.folder) for item in schedules.nightlies(session)]


def test_a_folder_that_is_off_is_no_nightly_and_its_number_is_nobody_elses(database: Database) -> None:
    first = put(database, "/a")
    assert off(database, "/a")
    assert on_it(database) == []
    second = put(database, "/b")
    assert second != first
    assert put(database, "/a") == first
    assert on_it(database) == [(first, "/a"), (second, "/b")]


def test_what_is_not_on_it_cannot_come_off(database: Database, events: Callable[..., list[str]]) -> None:
    put(database, "/a")
    assert not off(database, "/b")
    assert off(database, "/a") and not off(database, "/a")
    assert events(database).count("schedule.changed") == 2


def test_the_audit_trail_tells_each_change(database: Database) -> None:
    put(database, "/a")
    off(database, "/a")
    put(database, "/a", "0 4 * * *")
    with database.read() as session:
        told = [
            json.loads(body)
            for body in session.scalars(
                select(AuditEvent.body).where(AuditEvent.event == "schedule.changed").order_by(AuditEvent.seq)
            )
        ]
    times = [tuple(json.loads(each[key])["cron"] if each.get(key) else None for key in ("old", "new")) for each in told]
    assert times == [(None, "30 2 * * *"), ("30 2 * * *", None), (None, "0 4 * * *")]


def test_another_time_begins_anew_and_the_same_one_goes_on(database: Database) -> None:
    def since() -> datetime:
        with database.read() as session:
            (item,) = schedules.nightlies(session)
        assert item.since is not None
        return item.since

    before = datetime.now(UTC) - timedelta(milliseconds=1)  # which SQLite rounds to
    number = put(database, "/a")
    assert before <= since() <= datetime.now(UTC)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    for change in ("none", "time", "off and on"):
        with database.write() as session:
            session.get_one(Schedule, number).since = long_ago
        if change == "off and on":
            off(database, "/a")
        put(database, "/a", "30 2 * * *" if change == "none" else "0 4 * * *")
        assert (since() == long_ago) == (change == "none")


def test_a_quiet_night_is_over_and_so_is_one_put_off_past_it(database: Database) -> None:
    first, second = put(database, "/a"), put(database, "/b")
    with database.write() as session:
        for due in ("2026-11-21T02:30", "2026-11-22T02:30", "2026-11-21T02:30"):
            schedules.note_quiet(session, first, due)
    with database.read() as session:
        over = [
            schedules.is_over(session, number, f"2026-11-{day}T02:30")
            for number in (first, second) for day in (21, 22, 23)
        ]  # fmt: skip
    assert over == [True, True, False, False, False, False]


def test_a_quiet_night_of_a_clock_that_was_years_ahead_ends_no_other(database: Database) -> None:
    number = put(database, "/a")
    for due in ("9999-12-31T23:59", "2026-11-22T02:30"):
        with database.write() as session:
            assert not schedules.is_over(session, number, due)
            schedules.note_quiet(session, number, due)
            assert schedules.is_over(session, number, due)
