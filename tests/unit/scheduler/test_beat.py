"""Beat goes by the clock on the wall, also after it has read its own file again."""

from __future__ import annotations

import shelve
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from celery import Celery, _state

from scheduler.beat import make_service
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, RECOVER, make_app
from scheduler.nightly import schedule_app
from storage import schedules
from storage.database import Database
from storage.settings import Settings

ZONE = "America/New_York"


@pytest.fixture
def app(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """A timetable of one folder at half past two in New York; beat makes it the current application for a while."""
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: ZONE)
    monkeypatch.setattr(_state, "default_app", _state.default_app)
    before = _state._tls.current_app
    with sqlite_database.write() as session:
        schedules.put(
            session, folder=str(tmp_path), cron="30 2 * * *", reports=str(tmp_path / "reports"), site=None,
            submitter="nurse",
        )  # fmt: skip
    made = make_app(Broker("memory://", embedded=False))
    made.conf.update(broker_transport_options={})
    yield schedule_app(made, sqlite_database)
    _state._set_current_app(before)
    made.close()


@pytest.mark.parametrize("starts", [1, 2])
def test_a_cron_time_is_local_time(app: Celery, settings: Settings, sqlite_database: Database, starts: int) -> None:
    for _ in range(starts):
        scheduler = make_service(app, settings, sqlite_database).scheduler
        entry = scheduler.schedule["nightly-1"]
        scheduler.reserve(entry)  # as if it had been sent: written to the file and read again
        scheduler.sync()
        entry = scheduler.schedule["nightly-1"]
        wait = entry.schedule.remaining_estimate(entry.last_run_at)
        scheduler.close()
    due = (datetime.now(UTC) + wait).astimezone(ZoneInfo(ZONE)) + timedelta(seconds=30)
    assert (due.hour, due.minute) == (2, 30)


def test_two_beats_and_one_that_forgot_send_one_night(
    app: Celery, settings: Settings, sqlite_database: Database, tmp_path: Path
) -> None:
    """One that is killed before it noted what it had sent, or had no file, sends again: with the same arguments."""
    sent = []
    for home in (settings.home, tmp_path, settings.home):
        (home / "beat-schedule").unlink(missing_ok=True)
        scheduler = make_service(app, replace(settings, home=home), sqlite_database).scheduler
        scheduler.apply_async(scheduler.schedule["nightly-1"])
        scheduler.close()
        with app.connection_for_read() as connection, connection.SimpleQueue("screening") as queue:
            message = queue.get(block=False)
            message.ack()
        sent.append(message.payload[0])
    assert sent[0] == sent[1] == sent[2]
    assert sent[0][0] == 1
    assert sent[0][1].endswith("T02:30")


def test_what_was_sent_is_noted_at_once(app: Celery, settings: Settings, sqlite_database: Database) -> None:
    scheduler = make_service(app, settings, sqlite_database).scheduler
    for _ in range(2):  # the first is noted in any case
        scheduler.apply_async(scheduler.schedule["nightly-1"])
    with app.connection_for_write() as connection:  # which all tests of a process share
        connection.default_channel.queue_purge("screening")
    with shelve.open(str(settings.home / "beat-schedule"), "r") as file:  # while beat runs
        noted = file["entries"]["nightly-1"].total_run_count
    scheduler.close()
    assert noted == 2


def test_beat_sends_nothing_but_our_tasks(app: Celery, settings: Settings, sqlite_database: Database) -> None:
    scheduler = make_service(app, settings, sqlite_database).scheduler
    tasks = sorted(entry.task for entry in scheduler.schedule.values())
    scheduler.close()
    assert tasks == [NIGHTLY, RECOVER]
