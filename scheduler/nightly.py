"""The nightly run: a folder becomes a batch at a cron time, its reports are written when the batch is complete."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from celery import Celery
from celery.schedules import ParseException, crontab
from sqlalchemy.exc import IntegrityError

from models.errors import UsageFault
from scheduler.celery_app import NIGHTLY, RECOVER
from scheduler.collect import Collection, Found
from scheduler.due import LastDue
from scheduler.intake import NothingToScreen, Request, examine, take_in
from scheduler.night_words import forget_failed, say_failed, say_nothing
from storage.database import Database
from storage.paths import shown, to_location
from storage.schedules import Nightly, is_made, is_over, nightlies, note_quiet, source_key
from storage.settings import Settings

RECOVER_SECONDS = 60.0
# A night that is later than this is given up: what lies in the folder by then is the next night's. A scheduler that was
# off for days sends none of those days.
OWED_SECONDS = 12 * 3600


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


def local_zone() -> str:
    """The name of the time zone that the timetable goes by. Raises UsageFault where this machine tells none."""
    from tzlocal import get_localzone_name

    try:
        name = get_localzone_name()  # None where /etc/localtime is a file of its own and nothing else says its name
        return ZoneInfo(name).key
    except (TypeError, ValueError, KeyError) as error:
        raise UsageFault(
            "this machine does not tell the name of its time zone, and the timetable is in local time: name it in the "
            "environment, as TZ=Europe/Berlin"
        ) from error


def schedule_app(app: Celery, database: Database) -> Celery:
    """Give the application its timetable: recovery each minute, and every stored schedule, in local time.

    Raises UsageFault as `local_zone`, where there is a schedule.
    """
    entries: dict[str, Any] = {"recover": {"task": RECOVER, "schedule": RECOVER_SECONDS}}
    with database.read() as session:
        stored = nightlies(session)
    if stored:
        app.conf.timezone = zone = local_zone()
    for item in stored:
        cron = parse_cron(item.cron)
        args = [item.id, LastDue(cron, zone)]
        entries[f"nightly-{item.id}"] = {"task": NIGHTLY, "schedule": cron, "args": args}
    app.conf.beat_schedule = entries
    app.conf.beat_cron_starting_deadline = OWED_SECONDS
    return app


def run_nightly(database: Database, settings: Settings, schedule_id: int, due: str) -> str | None:
    """Take in the folder of a schedule for the minute ``due`` (``2026-11-22T02:30``), which makes one batch.

    However many messages there are of it: sent by two beats, sent again by one that was killed, delivered again, or
    tried again the next morning. Returns the batch's id, or None when there is nothing to do (schedule gone, folder
    empty, done before, quiet before). Raises PassingFault when the reports folder cannot be told so.
    """
    with database.read() as session:
        found = [item for item in nightlies(session) if item.id == schedule_id]
        over, made = is_over(session, schedule_id, due), is_made(session, schedule_id, due)
    if not found:
        return None
    item: Nightly = found[0]
    if made:  # by a worker that may have been killed before it took back what an earlier try had said
        forget_failed(item, due)
    if over:
        return None
    request = Request(
        source="nightly",
        site=item.site,
        submitter=item.submitter,
        source_key=source_key(schedule_id, due),
        export_folder=item.reports,
    )
    files: Iterable[Found]
    try:
        files = Collection([item.folder], scratch=settings.home)
    except UsageFault:
        # a share that is not mounted tonight: a night without pictures must not look like a quiet one
        files = [Found(shown(item.folder), to_location(item.folder), "folder cannot be read: it is not there")]
    try:
        batch_id: str | None = take_in(database, settings, request, (examine(file, attended=False) for file in files))
    except IntegrityError:
        with database.read() as session:
            if not is_over(session, schedule_id, due):
                raise
        batch_id = None  # another message of this night made the batch meanwhile
    except NothingToScreen:
        say_nothing(item, due)
        forget_failed(
            item, due
        )  # a later quiet night ends this one too, and is no reason to forget: so before the note
        with database.write() as session:
            note_quiet(session, schedule_id, due)
        batch_id = None
    forget_failed(item, due)
    return batch_id


def give_up(database: Database, schedule_id: int, due: str, kind: str) -> None:
    """Say in the reports folder that a night could not be taken in. Raises PassingFault when that cannot be done."""
    with database.read() as session:
        found = [item for item in nightlies(session) if item.id == schedule_id]
        over = is_over(session, schedule_id, due)
    for item in found:
        if not over:
            say_failed(item, due, kind)
