"""Nightly schedules. The queue carries a schedule's number; folder and names stay in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.checksum import sha256_hex
from storage import audit
from storage.schema import Batch, Schedule

OFF = ""  # the time of a folder that was taken off the timetable
# A quiet night stands for those that were due before it, but for no more than a day: a minute of a clock that was years
# ahead would end every night until then.
QUIET_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Nightly:
    """A folder, the cron time (minute hour day month weekday, local time), and where its CSV goes.

    ``since`` is when it came on the timetable with that time (UTC); None where that was before schema 0009.
    """

    id: int
    folder: str
    cron: str
    reports: str
    site: str | None
    submitter: str
    since: datetime | None = None


def put(session: Session, *, folder: str, cron: str, reports: str, site: str | None, submitter: str) -> int:
    """Store the schedule of a folder, replacing an earlier one of the same folder. Returns its number."""
    audit.lock(session)  # of two at once, the second names the first as the old one
    schedule = session.scalars(select(Schedule).where(Schedule.folder == folder)).first() or Schedule(folder=folder)
    before = _text(schedule) if schedule.cron else None
    if schedule.cron != cron:  # the same again, as by a service that is started anew, takes no night from the folder
        # not the database's clock: what is due is told by the clock of the machine that runs the timetable
        schedule.since = datetime.now(UTC)
    schedule.cron, schedule.reports, schedule.site, schedule.submitter = cron, reports, site, submitter
    session.add(schedule)
    session.flush()
    if before != _text(schedule):
        facts: dict[str, str | int | None] = {"schedule": schedule.id, "old": before, "new": _text(schedule)}
        audit.append(session, [audit.Event("schedule.changed", None, facts)])
    return schedule.id


def take_off(session: Session, *, folder: str) -> bool:
    """Take a folder off the timetable; returns whether it was on it.

    Its row stays, without a time: a number that came to another folder would let a message that is under way take that.
    """
    audit.lock(session)
    schedule = session.scalars(select(Schedule).where(Schedule.folder == folder, Schedule.cron != OFF)).first()
    if schedule is None:
        return False
    facts: dict[str, str | int | None] = {"schedule": schedule.id, "old": _text(schedule), "new": None}
    audit.append(session, [audit.Event("schedule.changed", None, facts)])
    schedule.cron = OFF
    return True


def _text(schedule: Schedule) -> str:
    """One line of JSON. Of the folders the chain learns no name: a folder may be called by its patient."""
    said = {"cron": schedule.cron, "site": schedule.site, "submitter": schedule.submitter}
    folders = {"folder_sha256": schedule.folder, "reports_sha256": schedule.reports}
    return json.dumps(said | {key: sha256_hex(path.encode()) for key, path in folders.items()}, sort_keys=True)


def nightlies(session: Session) -> list[Nightly]:
    """All schedules that are on the timetable."""
    return [
        Nightly(row.id, row.folder, row.cron, row.reports, row.site, row.submitter, row.since)
        for row in session.scalars(select(Schedule).where(Schedule.cron != OFF).order_by(Schedule.id))
    ]


def source_key(schedule_id: int, due: str) -> str:
    """What makes a night one batch: the schedule, and the minute that was due, as ``2026-11-22T02:30``."""
    return f"nightly:{schedule_id}@{due}"


def is_made(session: Session, schedule_id: int, due: str) -> bool:
    """Whether a night has its batch."""
    return session.scalar(select(Batch.id).where(Batch.source_key == source_key(schedule_id, due))) is not None


def is_over(session: Session, schedule_id: int, due: str) -> bool:
    """Whether a night has its batch, or was quiet."""
    quiet = select(Schedule.quiet).where(Schedule.id == schedule_id)
    return is_made(session, schedule_id, due) or _was_quiet(session.scalar(quiet), due)


def note_quiet(session: Session, schedule_id: int, due: str) -> None:
    """Note that a night found no photograph, so that it is not sent again into what the day has brought."""
    schedule = session.get(Schedule, schedule_id, with_for_update=True)
    if schedule is not None and not _was_quiet(schedule.quiet, due):
        schedule.quiet = due


def _was_quiet(quiet: str | None, due: str) -> bool:
    """Whether the folder was found empty at the minute ``due`` or after it; what it holds now came later.

    Both are minutes on the wall. In the hour that comes twice, where a folder is due several times an hour and was
    quiet late in the first of the two, the second waits for the minutes after that: the next due one takes all in.
    """
    if quiet is None:
        return False
    return timedelta(0) <= datetime.fromisoformat(quiet) - datetime.fromisoformat(due) <= QUIET_FOR
