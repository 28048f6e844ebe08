"""Nightly schedules. The queue carries a schedule's number; folder and names stay in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.schema import Schedule


@dataclass(frozen=True)
class Nightly:
    """A folder, the cron time (minute hour day month weekday, local time), and where its CSV goes."""

    id: int
    folder: str
    cron: str
    reports: str
    site: str | None
    submitter: str


def put(session: Session, *, folder: str, cron: str, reports: str, site: str | None, submitter: str) -> int:
    """Store the schedule of a folder, replacing an earlier one of the same folder. Returns its number."""
    schedule = session.scalars(select(Schedule).where(Schedule.folder == folder)).first() or Schedule(folder=folder)
    schedule.cron, schedule.reports, schedule.site, schedule.submitter = cron, reports, site, submitter
    session.add(schedule)
    session.flush()
    return schedule.id


def nightlies(session: Session) -> list[Nightly]:
    """All schedules."""
    return [
        Nightly(row.id, row.folder, row.cron, row.reports, row.site, row.submitter)
        for row in session.scalars(select(Schedule).order_by(Schedule.id))
    ]
