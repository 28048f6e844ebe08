"""`screen beat`: nightly batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.short_text import CRON, NAME
from cli.utf8 import Utf8Path

if TYPE_CHECKING:
    from storage.database import Database


@click.command("beat")
@click.argument("folder", required=False, type=Utf8Path(path_type=Path))
@click.option("--at", "cron", type=CRON, metavar="CRON", help="When, in local time: minute hour day month weekday.")
@click.option(
    "--reports",
    type=Utf8Path(file_okay=False, path_type=Path),
    help="Folder for the CSV and the summary of each night.",
)
@click.option("--site", type=NAME, help="Where the images come from; stands in every report.")
@click.option("--submitter", type=NAME, help="Who answers for the batch. Default: the user of this process.")
@click.option("--off", is_flag=True, help="Take FOLDER off the timetable, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the timetable as JSON first.")
def command(
    folder: Path | None, cron: str | None, reports: Path | None, site: str | None, submitter: str | None, off: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Run the timetable (Celery beat) until stopped: recovery each minute and a batch of each FOLDER at its time.

    FOLDER, --at and --reports add a folder to the timetable, which is kept in the database; without them the
    stored timetable runs. Once a night's batch is complete, the reports folder gets flagged-BATCH.csv, the flagged
    lesions, and summary-BATCH.txt, the counts and the images that nobody judged: read both. With the embedded broker a
    worker runs alongside when none is alive.

    \b
    Example:
      screen beat /srv/clinic/today --at "30 2 * * *" --reports /srv/clinic/reports
      screen beat /srv/clinic/today --off
    """
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from cli import output
    from cli.beating import beat
    from models.errors import UsageFault
    from scheduler.nightly import local_zone
    from storage import schedules
    from storage.migrate import open_database
    from storage.settings import from_environment

    said = any((cron, reports, site, submitter))
    if folder is None and said:
        raise UsageFault("--at, --reports, --site and --submitter say how a FOLDER is screened; received no FOLDER")
    if off and (folder is None or said):
        raise UsageFault("--off takes a FOLDER off the timetable: expected a FOLDER and no other option")
    settings = from_environment()
    database = open_database(settings)
    if folder is not None and off:
        _take_off(database, folder)
    elif folder is not None:
        _put_on(database, folder, cron, reports, site, submitter)
    with database.read() as session:
        timetable = schedules.nightlies(session)
    if as_json:
        output.data_json([{"folder": item.folder, "at": item.cron, "reports": item.reports} for item in timetable])
    else:
        for item in timetable:
            output.talk(f"{item.cron}  {item.folder} -> {item.reports}")
    if off:
        return
    if timetable:
        zone = local_zone()
        output.talk(f"Local time is that of {zone}, now {datetime.now(ZoneInfo(zone)):%Y-%m-%d %H:%M}.")
    else:
        output.talk("The timetable holds no folder: only recovery runs, each minute.")
    beat(settings, database)


def _take_off(database: Database, folder: Path) -> None:
    from models.errors import UsageFault
    from storage import schedules

    with database.write() as session:
        if not schedules.take_off(session, folder=str(folder.absolute())):
            raise UsageFault(f"{folder.absolute()} is not on the timetable; `screen beat --json` prints it")


def _put_on(
    database: Database, folder: Path, cron: str | None, reports: Path | None, site: str | None, submitter: str | None
) -> None:
    from models.errors import UsageFault
    from scheduler.nightly import local_zone, parse_cron
    from storage import schedules
    from storage.processes import os_user

    if cron is None or reports is None:
        raise UsageFault("a FOLDER needs both --at CRON and --reports FOLDER, or --off")
    if not folder.is_dir():
        raise UsageFault(f"{folder} is not a folder, or is not there: expected the folder that is screened")
    parse_cron(cron)
    local_zone()
    with database.read() as session:
        others = [item for item in schedules.nightlies(session) if item.folder != str(folder.absolute())]
    _refuse_reports_inside([reports, *(Path(item.reports) for item in others)], folder)
    _refuse_reports_inside([reports], *(Path(item.folder) for item in others))
    try:
        reports.mkdir(parents=True, exist_ok=True)  # by whoever looks on; never at night
    except OSError as error:
        raise UsageFault(f"the reports folder {reports} cannot be made: {error.strerror}") from error
    with database.write() as session:
        schedules.put(
            session, folder=str(folder.absolute()), cron=cron, reports=str(reports.absolute()),
            site=site, submitter=submitter or os_user(),
        )  # fmt: skip


def _refuse_reports_inside(reports: list[Path], *folders: Path) -> None:
    """A folder that is screened whole every night would feed on the reports in it. Raises UsageFault."""
    from models.errors import UsageFault

    for report in reports:
        for folder in folders:
            if report.resolve().is_relative_to(folder.resolve()):
                raise UsageFault(
                    f"the reports folder {report} lies inside {folder}, which is screened whole every night: the next "
                    "night would take the reports for images. Name a folder outside it"
                )
