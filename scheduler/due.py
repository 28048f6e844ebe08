"""Which night is it? The minute at which a folder was due, by the timetable and not by who noticed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from celery.beat import BeatLazyFunc
from celery.schedules import crontab

LOOK_BACK_DAYS = 366 * 41  # 29 February on one weekday: 40 years apart at most
AHEAD = timedelta(seconds=1)  # a clock that was set back a little since beat found the folder due changes no night


def last_due(cron: crontab, now: datetime) -> str:
    """The last minute up to ``now`` (local time, without a zone) that a cron time names, as ``2026-11-22T02:30``.

    An hour that comes twice, when clocks are set back, has the same minutes both times. Raises ValueError for a time
    that has never been, such as 31 February.
    """
    for back in range(LOOK_BACK_DAYS):
        day = now.date() - timedelta(days=back)
        if not (
            day.month in cron.month_of_year
            and day.day in cron.day_of_month
            and day.isoweekday() % 7 in cron.day_of_week
        ):
            continue
        times = [datetime.combine(day, time(hour, minute)) for hour in cron.hour for minute in cron.minute]
        if past := [moment for moment in times if moment <= now]:
            return max(past).isoformat(timespec="minutes")
    raise ValueError(f"the cron time {cron} has never been")


@dataclass(frozen=True)
class LastDue(BeatLazyFunc):
    """An argument that beat works out when it sends: however many beats there are, they send the same.

    Equal ones compare equal: beat reads its entries from disk again and again, and starts over with those that changed.
    """

    cron: crontab
    zone: str

    def __call__(self) -> str:
        return self.at(datetime.now(UTC) + AHEAD)

    def at(self, moment: datetime) -> str:
        """The minute that was the last one due at a moment with a zone."""
        return last_due(self.cron, moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None))
