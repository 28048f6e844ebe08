"""The nightly run: a folder becomes a batch at a cron time, its CSV is written when the batch is complete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery import Celery
from celery.schedules import ParseException, crontab
from sqlalchemy.exc import IntegrityError

from models.errors import UsageFault
from scheduler.celery_app import NIGHTLY, RECOVER
from scheduler.collect import Collection, Found
from scheduler.intake import NothingToScreen, Request, examine, take_in
from storage.database import Database
from storage.paths import shown, to_location
from storage.schedules import Nightly, nightlies
from storage.settings import Settings

RECOVER_SECONDS = 60.0


def parse_cron(text: str) -> crontab:
    """A cron time of five fields, as ``30 2 * * *``. Raises UsageFault."""
    fields = text.split()
    if len(fields) != 5:
        raise UsageFault(
            f"a cron time has 5 fields (minute hour day month weekday), as '30 2 * * *'; received {text!r}"
        )
    minute, hour, day, month, weekday = fields
    try:
        return crontab(minute=minute, hour=hour, day_of_month=day, month_of_year=month, day_of_week=weekday)
    except (ValueError, TypeError, ParseException) as error:
        raise UsageFault(f"the cron time {text!r} cannot be used: {error}") from error


def schedule_app(app: Celery, database: Database) -> Celery:
    """Give the application its timetable: recovery each minute, and every stored schedule, in local time."""
    from tzlocal import get_localzone_name

    app.conf.timezone = get_localzone_name()
    entries: dict[str, Any] = {"recover": {"task": RECOVER, "schedule": RECOVER_SECONDS}}
    with database.read() as session:
        for item in nightlies(session):
            entries[f"nightly-{item.id}"] = {"task": NIGHTLY, "schedule": parse_cron(item.cron), "args": [item.id]}
    app.conf.beat_schedule = entries
    return app


def run_nightly(database: Database, settings: Settings, schedule_id: int, message_id: str) -> str | None:
    """Take in the folder of a schedule. The message's id makes a redelivered message the same batch.

    Returns the batch's id, or None when there is nothing to do (schedule gone, folder empty, done before).
    """
    with database.read() as session:
        found = [item for item in nightlies(session) if item.id == schedule_id]
    if not found:
        return None
    item: Nightly = found[0]
    request = Request(
        source="nightly",
        site=item.site,
        submitter=item.submitter,
        source_key=f"nightly:{message_id}",
        export_folder=item.reports,
    )
    files: Iterable[Found]
    try:
        files = Collection([item.folder], scratch=settings.home)
    except UsageFault:
        # a share that is not mounted tonight: a night without pictures must not look like a quiet one
        files = [Found(shown(item.folder), to_location(item.folder), "folder cannot be read: it is not there")]
    try:
        return take_in(database, settings, request, (examine(file, attended=False) for file in files))
    except IntegrityError:
        return None  # the same message made this batch before
    except NothingToScreen:
        return None  # an empty folder is a quiet night
