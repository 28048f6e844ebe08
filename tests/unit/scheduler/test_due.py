"""The minute of a night is read off the timetable, so that whoever sends it says the same."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import Celery

from scheduler.due import LastDue, last_due
from scheduler.nightly import parse_cron


@pytest.mark.parametrize(
    ("cron", "now", "due"),
    [
        ("30 2 * * *", "2026-11-22T02:30:00", "2026-11-22T02:30"),
        ("30 2 * * *", "2026-11-22T02:30:07", "2026-11-22T02:30"),
        ("30 2 * * *", "2026-11-22T02:29:59", "2026-11-21T02:30"),
        ("30 2 * * *", "2026-11-22T23:59:59", "2026-11-22T02:30"),
        ("*/20 1-3 * * *", "2026-11-22T02:59:00", "2026-11-22T02:40"),
        ("*/20 1-3 * * *", "2026-11-22T00:10:00", "2026-11-21T03:40"),
        ("0 2 * * 1-5", "2026-11-22T12:00:00", "2026-11-20T02:00"),  # a Sunday
        ("0 2 * * 0", "2026-11-22T12:00:00", "2026-11-22T02:00"),
        ("0 2 31 * *", "2026-11-22T12:00:00", "2026-10-31T02:00"),
        ("15 22 1 1 *", "2026-01-01T22:14:00", "2025-01-01T22:15"),
        ("0 2 29 2 *", "2026-11-22T12:00:00", "2024-02-29T02:00"),
        ("0 2 29 2 1", "2026-11-22T12:00:00", "2016-02-29T02:00"),
    ],
)
def test_the_last_minute_that_was_due(cron: str, now: str, due: str) -> None:
    assert last_due(parse_cron(cron), datetime.fromisoformat(now)) == due


def test_a_day_that_never_comes() -> None:
    never = parse_cron("0 2 28 2 *")
    never.day_of_month = {31}  # which Celery itself refuses in one piece
    with pytest.raises(ValueError, match="has never been"):
        last_due(never, datetime(2026, 11, 22, 12))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "America/New_York", "America/Santiago"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "0 0 * * *", "*/20 1-3 * * *"])
def test_each_time_that_celery_finds_due_is_a_minute_of_its_own(zone: str, cron: str) -> None:
    """Also on the days on which clocks are set: none would be taken for a night that is there already."""
    app = Celery(set_as_current=False)
    app.conf.timezone = zone
    schedule = parse_cron(cron)
    schedule.app = app
    schedule.nowfun = lambda: now
    found: list[str] = []
    for first in ("2026-03-06", "2026-03-27", "2026-04-03", "2026-09-04", "2026-10-23", "2026-10-30"):
        now = datetime.fromisoformat(first).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        last, end = now, now.astimezone(UTC) + timedelta(days=4)
        while now.astimezone(UTC) < end:
            now = (now.astimezone(UTC) + timedelta(minutes=10)).astimezone(ZoneInfo(zone))
            if schedule.is_due(last).is_due:
                found.append(last_due(schedule, now.replace(tzinfo=None)))
                last = now
                late = now.replace(tzinfo=None) - datetime.fromisoformat(found[-1])
                assert timedelta(0) <= late <= timedelta(minutes=60)  # an hour where it does not exist that day
    assert len(found) == len(set(found)) >= 6 * 4 - 1


def test_beat_reads_it_from_its_file_as_it_was() -> None:
    """Beat starts over with entries that changed, so an equal one must not look changed."""
    due = LastDue(parse_cron("30 2 * * *"), "Europe/Vienna")
    read = pickle.loads(pickle.dumps(due))
    assert read == due
    assert read() == due()
    assert read != LastDue(parse_cron("30 2 * * *"), "UTC")
