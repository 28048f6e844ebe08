"""A night that the broker did not take is sent again, for half a day, and no night that nobody is owed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from celery import Celery, _state
from celery.beat import ScheduleEntry, SchedulingError
from kombu.exceptions import OperationalError

from models.errors import ServiceUnreachable
from models.manifest import Manifest
from scheduler.beat import make_service
from scheduler.broker import Broker
from scheduler.celery_app import NIGHTLY, make_app
from scheduler.due import LastDue
from scheduler.nightly import parse_cron, run_nightly, schedule_app
from scheduler.owed import NightScheduler, _is_its
from storage import schedules
from storage.database import Database
from storage.schema import Schedule
from storage.settings import Settings

Beat = Callable[..., NightScheduler]


def put_on(database: Database, folder: Path, ago: timedelta) -> None:
    due = datetime.now(UTC) - ago
    with database.write() as session:
        schedules.put(
            session, folder=str(folder / "night"), cron=f"{due.minute} {due.hour} * * *",
            reports=str(folder / "reports"), site=None, submitter="nurse",
        )  # fmt: skip


@pytest.fixture
def beat(
    settings: Settings, sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Beat]:
    """Makes the scheduler of a folder that was due so long ago, as it stands when it has just noted it as sent.

    Or, not ``noted``, as it is started when the folder is put on the timetable just now.
    """
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "UTC")
    monkeypatch.setattr(_state, "default_app", _state.default_app)
    before, made = _state._tls.current_app, list[NightScheduler]()

    def make(ago: timedelta, *, noted: bool = True) -> NightScheduler:
        (tmp_path / "night").mkdir(exist_ok=True)
        (tmp_path / "reports").mkdir(exist_ok=True)
        put_on(sqlite_database, tmp_path, ago)
        if noted:
            with sqlite_database.write() as session:
                session.get_one(Schedule, 1).since = datetime.now(UTC) - timedelta(days=7)
        app = make_app(Broker("memory://", embedded=False))
        app.conf.update(broker_transport_options={})
        scheduler = make_service(schedule_app(app, sqlite_database), settings, sqlite_database).scheduler
        if noted:
            scheduler.reserve(scheduler.schedule["nightly-1"])
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        scheduler.close()
        scheduler.app.close()
    _state._set_current_app(before)


def sent(scheduler: NightScheduler) -> list[list[object]]:
    """The arguments of every night in the queue, which all tests of a process share."""
    found = []
    with scheduler.app.connection_for_read() as connection, connection.SimpleQueue("screening") as queue:
        while queue.qsize():
            message = queue.get(block=False)
            message.ack()
            if message.headers["task"] == NIGHTLY:
                found.append(message.payload[0])
    return found


def minute(scheduler: NightScheduler) -> str:
    return str(scheduler.schedule["nightly-1"].args[1]())


SHORTLY, LONG_AGO = timedelta(minutes=5), timedelta(hours=12, minutes=5)


def test_a_night_that_the_broker_did_not_take(beat: Beat, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = beat(SHORTLY)
    due = minute(scheduler)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("the broker is gone")

    with monkeypatch.context() as gone:
        gone.setattr(Celery, "send_task", away)
        with pytest.raises(SchedulingError):
            scheduler.apply_async(scheduler.schedule["nightly-1"])
        scheduler.send_owed()  # the broker is still away, and beat goes on
    assert sent(scheduler) == []
    while not scheduler.tick():
        pass
    assert sent(scheduler) == [[1, due]]
    scheduler.send_owed()  # it is on its way now
    assert sent(scheduler) == []


def test_beat_that_was_started_anew_meanwhile(beat: Beat, sqlite_database: Database, settings: Settings) -> None:
    """It reads from its file that the night was sent, which is not so."""
    beat(SHORTLY).close()
    again = beat(SHORTLY)
    again.send_owed()
    assert len(sent(again)) == 1


def test_a_night_whose_message_is_lost_is_doubted_later_and_later(beat: Beat, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = beat(SHORTLY)
    clock, counts = 1e6, []
    monkeypatch.setattr("scheduler.owed.time.monotonic", lambda: clock)
    for hours in (0.0, 0.4, 0.6, 1.4, 1.6, 3.4, 3.6, 7.4, 7.6):
        clock = 1e6 + hours * 3600
        scheduler.send_owed()
        counts.append(len(sent(scheduler)))
    assert counts == [1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_a_night_that_is_done_is_not_sent_again(
    beat: Beat, settings: Settings, sqlite_database: Database, installed_model: Manifest, tmp_path: Path,
    photograph: Callable[..., Path],
) -> None:  # fmt: skip
    scheduler = beat(SHORTLY)
    photograph(tmp_path / "night" / "1.jpg")
    assert run_nightly(sqlite_database, settings, 1, minute(scheduler)) is not None
    scheduler.send_owed()
    assert sent(scheduler) == []


def test_a_night_that_was_quiet_is_not_sent_again_into_the_day(
    beat: Beat, settings: Settings, sqlite_database: Database, installed_model: Manifest, tmp_path: Path,
    photograph: Callable[..., Path],
) -> None:  # fmt: skip
    scheduler = beat(SHORTLY)
    due = minute(scheduler)
    assert run_nightly(sqlite_database, settings, 1, due) is None
    photograph(tmp_path / "night" / "of-the-day.jpg")
    scheduler.send_owed()
    assert sent(scheduler) == []
    assert run_nightly(sqlite_database, settings, 1, due) is None  # nor by a message that is delivered twice
    assert run_nightly(sqlite_database, settings, 1, "2999-01-01T00:00") is not None


@pytest.mark.parametrize("case", ["long ago", "just put on", "taken off"])
def test_a_night_that_nobody_is_owed(beat: Beat, sqlite_database: Database, tmp_path: Path, case: str) -> None:
    scheduler = beat(LONG_AGO if case == "long ago" else SHORTLY)
    if case == "just put on":
        scheduler.schedule["nightly-1"].total_run_count = 0
    if case == "taken off":
        with sqlite_database.write() as session:
            schedules.take_off(session, folder=str(tmp_path / "night"))
    scheduler.send_owed()
    assert sent(scheduler) == []


def all_ticks(scheduler: NightScheduler) -> None:
    while not scheduler.tick():
        pass
    scheduler.send_owed()


def test_another_time_is_no_night_that_is_owed(
    beat: Beat, settings: Settings, sqlite_database: Database, installed_model: Manifest, tmp_path: Path,
    photograph: Callable[..., Path],
) -> None:  # fmt: skip
    """The last night is done, and the new time was hours ago today: it begins tomorrow."""
    scheduler = beat(timedelta(hours=3))
    photograph(tmp_path / "night" / "1.jpg")
    assert run_nightly(sqlite_database, settings, 1, minute(scheduler)) is not None
    scheduler.close()
    again = beat(timedelta(hours=5), noted=False)
    assert again.schedule["nightly-1"].total_run_count == 1  # Celery takes it for the old one
    all_ticks(again)
    assert sent(again) == []


@pytest.mark.parametrize("running", [True, False])
def test_a_night_that_was_skipped_on_purpose(
    beat: Beat, sqlite_database: Database, tmp_path: Path, running: bool
) -> None:
    """The folder was off at its time, and is put on again, whether or not a beat ran through all that."""
    scheduler = beat(SHORTLY)
    scheduler.schedule["nightly-1"].last_run_at -= timedelta(hours=8)  # the evening before: so it is late for Celery
    with sqlite_database.write() as session:
        schedules.take_off(session, folder=str(tmp_path / "night"))
    if running:
        put_on(sqlite_database, tmp_path, SHORTLY)
    else:
        scheduler.close()
        scheduler = beat(SHORTLY, noted=False)
    assert scheduler.is_due(scheduler.schedule["nightly-1"]).is_due
    all_ticks(scheduler)
    assert sent(scheduler) == []


@pytest.mark.parametrize(
    ("put_on", "day", "its"),
    [
        ("2026-11-22T01:29:59", "2026-11-22", True),
        ("2026-11-22T01:30:00", "2026-11-22", False),
        ("2026-10-25T00:20:00", "2026-10-25", True),  # clocks are set back at 01:00 UTC: half past two comes twice
        ("2026-10-25T00:40:00", "2026-10-25", False),
        ("2026-10-25T01:20:00", "2026-10-25", True),
        ("2026-10-25T01:40:00", "2026-10-25", False),
        ("2026-03-29T00:59:00", "2026-03-29", True),  # and forward at 01:00 UTC: there is no half past two
        ("2026-03-29T01:01:00", "2026-03-29", False),
    ],
)
def test_a_folder_is_due_from_when_it_was_put_on(put_on: str, day: str, its: bool) -> None:
    night = ScheduleEntry("night", args=(1, LastDue(parse_cron("30 2 * * *"), "Europe/Vienna")), schedule=60.0)
    since = datetime.fromisoformat(put_on).replace(tzinfo=UTC)
    assert _is_its({1: since}, night, f"{day}T02:30") == its
    assert _is_its({1: None}, night, f"{day}T02:30")  # put on before schema 0009
    assert not _is_its({2: since}, night, f"{day}T02:30")


def test_a_clock_that_was_years_ahead_takes_no_night_from_a_folder() -> None:
    last = LastDue(parse_cron("30 2 * * *"), "UTC")
    night = ScheduleEntry("night", args=(1, last), schedule=60.0)
    now = datetime.now(UTC)
    assert _is_its({1: now + timedelta(days=2000)}, night, last())
    assert not _is_its({1: now + timedelta(hours=1)}, night, last.at(now))


def test_a_clock_that_was_years_ahead_when_beat_began(beat: Beat, sqlite_database: Database) -> None:
    """Celery reckons from when it took up a folder, and would send none of its nights until then."""
    scheduler = beat(SHORTLY, noted=False)
    with sqlite_database.write() as session:
        session.get_one(Schedule, 1).since = datetime.now(UTC) + timedelta(days=2000)
    scheduler.schedule["nightly-1"].last_run_at += timedelta(days=2000)
    assert not scheduler.is_due(scheduler.schedule["nightly-1"]).is_due
    scheduler.send_owed()
    assert sent(scheduler) == [[1, minute(scheduler)]]


def test_a_night_at_whose_time_the_database_is_away(beat: Beat, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduler = beat(SHORTLY)
    scheduler.schedule["nightly-1"].last_run_at -= timedelta(hours=8)

    def away() -> None:
        raise ServiceUnreachable("the database does not answer")

    with monkeypatch.context() as gone:
        gone.setattr(scheduler, "_since", away)
        all_ticks(scheduler)
        assert sent(scheduler) == []
    scheduler.send_owed()
    assert len(sent(scheduler)) == 1


def test_a_look_in_the_second_before_a_night_is_due_leaves_it_to_the_timetable(
    beat: Beat, settings: Settings, sqlite_database: Database, installed_model: Manifest, tmp_path: Path,
    photograph: Callable[..., Path], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scheduler = beat(timedelta(hours=3))
    photograph(tmp_path / "night" / "1.jpg")
    due = minute(scheduler)
    assert run_nightly(sqlite_database, settings, 1, due) is not None
    now = datetime.fromisoformat(due).replace(tzinfo=UTC) + timedelta(days=1, seconds=-0.4)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(now.timestamp(), tz)

    for module in ("due", "owed"):
        monkeypatch.setattr(f"scheduler.{module}.datetime", Clock)
    assert minute(scheduler) > due
    scheduler.send_owed()
    assert sent(scheduler) == []


@pytest.mark.parametrize(("ago", "due"), [(SHORTLY, True), (LONG_AGO, False)])
def test_a_site_that_was_off_for_days_takes_in_none_of_them(beat: Beat, ago: timedelta, due: bool) -> None:
    scheduler = beat(ago)
    entry = scheduler.schedule["nightly-1"]
    entry.last_run_at -= timedelta(days=3)
    assert scheduler.is_due(entry).is_due == due
