"""`screen beat`: nightly batches."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("beat")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--at", "cron", metavar="CRON", help="When, in local time: minute hour day month weekday.")
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the CSV and the summary of each night.",
)
@click.option("--site", help="Where the images come from; stands in every report.")
@click.option("--submitter", help="Who answers for the batch. Default: the user of this process.")
@click.option("--json", "as_json", is_flag=True, help="Print the timetable as JSON before it starts.")
def command(
    folder: Path | None, cron: str | None, reports: Path | None, site: str | None, submitter: str | None, as_json: bool
) -> None:
    """Run the timetable (Celery beat) until stopped: recovery each minute and a batch of each FOLDER at its time.

    FOLDER, --at and --reports add a folder to the timetable, which is kept in the database; without them the
    stored timetable runs. Once a night's batch is complete, the reports folder gets flagged-BATCH.csv, the flagged
    lesions, and summary-BATCH.txt, the counts and the images that nobody judged: read both. With the embedded broker a
    worker runs alongside when none is alive.

    \b
    Example:
      screen beat /srv/clinic/today --at "30 2 * * *" --reports /srv/clinic/reports
    """
    from cli import output
    from cli.beating import beat
    from models.errors import UsageFault
    from scheduler.nightly import parse_cron
    from storage import schedules
    from storage.migrate import open_database
    from storage.processes import os_user
    from storage.settings import from_environment

    if folder is None and (cron or reports or site or submitter):
        raise UsageFault("--at, --reports, --site and --submitter say how a FOLDER is screened; received no FOLDER")
    settings = from_environment()
    database = open_database(settings)
    if folder is not None:
        if cron is None or reports is None:
            raise UsageFault("a FOLDER needs both --at CRON and --reports FOLDER")
        parse_cron(cron)
        with database.write() as session:
            schedules.put(
                session, folder=str(folder.absolute()), cron=cron, reports=str(reports.absolute()),
                site=site, submitter=submitter or os_user(),
            )  # fmt: skip
    with database.read() as session:
        timetable = schedules.nightlies(session)
    if as_json:
        output.data_json([{"folder": item.folder, "at": item.cron, "reports": item.reports} for item in timetable])
    else:
        for item in timetable:
            output.talk(f"{item.cron}  {item.folder} -> {item.reports}")
    if not timetable:
        output.talk("The timetable holds no folder: only recovery runs, each minute.")
    beat(settings, database)
