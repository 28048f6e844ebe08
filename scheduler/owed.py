"""Nights that are owed: due by the timetable, and there is neither a batch of them nor the note that they were quiet.

Celery's beat notes a night as sent before it sends it, so that one which the broker did not take would be lost, as
would one whose message is lost later. Sending it again harms nothing: one due minute makes one batch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from celery.beat import PersistentScheduler, ScheduleEntry

from models.errors import PassingFault
from scheduler.celery_app import NIGHTLY
from scheduler.due import LastDue
from scheduler.nightly import OWED_SECONDS
from storage.database import Database
from storage.schedules import is_over, nightlies

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0  # between two looks for nights that are owed
# A message that was sent may wait or be worked on; it is doubted only then, and each time for twice as long, so that a
# night which takes hours, or which no worker takes, has a handful of messages and not hundreds.
DOUBT_SECONDS = 1800.0
AHEAD_FOR = timedelta(days=1)  # a folder that was put on so much later than now was put on by a wrong clock


class NightScheduler(PersistentScheduler):
    """Celery's scheduler, which also sends again what is owed."""

    def __init__(self, *arguments: Any, database: Database, **options: Any) -> None:
        self._database = database
        self._sent: dict[str, tuple[str, float, float]] = {}  # entry -> its minute, when it is doubted, the pause then
        self._looked = 0.0
        super().__init__(*arguments, **options)

    def apply_async(self, entry: ScheduleEntry, *arguments: Any, **options: Any) -> Any:
        """Send an entry. Raises SchedulingError where the broker does not take it; then it stays owed."""
        result = super().apply_async(entry, *arguments, **options)
        if entry.task == NIGHTLY:
            due, (before, _, pause) = entry.args[1](), self._sent.get(entry.name, ("", 0.0, 0.0))
            pause = pause * 2 if before == due else DOUBT_SECONDS
            self._sent[entry.name] = (due, time.monotonic() + pause, pause)
        return result

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send an entry that is due, and a night only where it is the folder's.

        Celery keeps when a folder was last sent, so that one which has another time, or is on the timetable again, is
        late by its reckoning, and its photographs would be taken in the middle of the day.
        """
        try:
            if entry.task == NIGHTLY and not _is_its(self._since(), entry, entry.args[1]()):
                log.info("%s is not sent: its folder is not on the timetable, or was put on it later", entry.name)
                return
        except PassingFault as fault:
            log.warning("%s; %s is not sent before that has passed", fault, entry.name)
            return
        super().apply_entry(entry, producer=producer)

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due now and, each minute, what is owed. Returns after how many seconds to call again."""
        pause: float = super().tick(*arguments, **options)
        if pause and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self.send_owed()
        return pause

    def send_owed(self) -> None:
        """Send each night again that is owed and is not on its way as far as this process knows."""
        try:
            owed = list(self._owed())
        except PassingFault as fault:
            log.warning("%s; looking for nights that are owed again in a minute", fault)
            return
        for entry in owed:
            log.warning("%s has no batch yet: sending it again", entry.name)
            self.apply_entry(entry, producer=self.producer)

    def _owed(self) -> Iterator[ScheduleEntry]:
        since = self._since()
        with self._database.read() as session:
            for entry in [entry for entry in self.schedule.values() if entry.task == NIGHTLY and _is_known(entry)]:
                number, last = entry.args
                due = last()
                if (
                    _is_its(since, entry, due)
                    and _is_recent(last, due)
                    and not self._on_its_way(entry.name, due)
                    and not is_over(session, number, due)
                ):
                    yield entry

    def _since(self) -> dict[int, datetime | None]:
        """The folders that are on the timetable now, and since when."""
        with self._database.read() as session:
            return {item.id: item.since for item in nightlies(session)}

    def _on_its_way(self, name: str, due: str) -> bool:
        sent, doubted, _ = self._sent.get(name, ("", 0.0, 0.0))
        return sent == due and time.monotonic() < doubted


def _is_known(entry: ScheduleEntry) -> bool:
    """Whether an entry was noted as sent; or as begun by a clock that was years ahead: Celery sends none until then.

    One that was never noted is new: what was due before it was put on is not its.
    """
    return bool(entry.total_run_count) or entry.last_run_at - datetime.now(UTC) > AHEAD_FOR


def _is_its(since: dict[int, datetime | None], entry: ScheduleEntry, due: str) -> bool:
    """Whether a folder is on the timetable, and was before a minute that it was due.

    Told by the minute that was the last one due when it was put on, as its time and zone are now: so an hour that
    comes twice or not at all needs no rule here. A minute of the former that was due before is not due a second time.
    A clock that was years ahead when it was put on keeps no night from it until then.
    """
    number, last = entry.args
    if number not in since:
        return False
    put_on = since[number]
    return put_on is None or put_on - datetime.now(UTC) > AHEAD_FOR or last.at(put_on) < due


def _is_recent(last: LastDue, due: str) -> bool:
    """Whether a minute has come, which one that is sent in its last second has not, and is not given up."""
    now = datetime.now(ZoneInfo(last.zone)).replace(tzinfo=None)
    return timedelta(0) <= now - datetime.fromisoformat(due) <= timedelta(seconds=OWED_SECONDS)
