"""What `screen demo` does, with the very pieces that the other commands use."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output

if TYPE_CHECKING:
    from storage.counts import Counts
    from storage.database import Database
    from storage.report import ReportRow
    from storage.settings import Settings

SHOWN = 20  # flagged lesions in the terminal; the reports hold all
MARK = "demonstration.txt"  # in a data folder that the next demonstration may delete


def demonstrate(images: Path | None, folder: Path, *, show_table: bool) -> Counts:
    """Screen a folder (None: drawn pictures) from nothing and leave report.csv and report.html in ``folder``.

    Raises UsageFault when ``folder`` holds a data folder that no demonstration made.
    """
    from cli.handing_in import hand_in
    from cli.waiting import wait_for
    from scheduler import embedded_valkey
    from scheduler.broker import connect
    from scheduler.celery_app import make_app
    from scheduler.dispatch import send_due
    from scheduler.intake import Request
    from storage.migrate import open_database
    from storage.settings import Settings

    settings = Settings(home=(folder / "home").absolute())
    _start_afresh(settings)
    if images is None:
        images = _drawn(folder / "images")
    database = open_database(settings)
    try:
        broker = connect(settings)
        output.talk(f"Started Valkey: {broker.shown_url}")
        total = hand_in([str(images)], Request(source="demo"), settings, database)
        send_due(database, make_app(broker))
        total = wait_for(total.batch, settings, database, broker)
        flagged = _report(database, settings, total, folder)
        if show_table:
            _table(flagged)
    finally:
        embedded_valkey.stop(settings)
        database.close()
        output.talk("Stopped the worker and Valkey.")
    return total


def _start_afresh(settings: Settings) -> None:
    """Forget the last demonstration: with its records, this one would reuse the results and show nothing.

    Raises UsageFault, with nothing deleted, unless the data folder is a demonstration's.
    """
    from models.errors import UsageFault
    from models.whole_file import write_whole
    from scheduler import embedded_valkey
    from storage.settings import HOME, from_environment

    home = settings.home
    try:
        in_use = from_environment().home.resolve()
    except UsageFault:  # such as of a user without a home: a demonstration needs none
        in_use = None
    if in_use and in_use.is_relative_to(home.resolve()):
        raise UsageFault(
            f"{home} holds the data folder in use ({HOME}), and a demonstration begins by deleting its records; "
            "nothing was deleted, name another folder with --output"
        )
    if (home / MARK).is_file():
        embedded_valkey.stop(settings)
        shutil.rmtree(home)
    elif os.path.lexists(home) and not (home.is_dir() and next(home.iterdir(), None) is None):
        raise UsageFault(
            f"{home} is there, and no demonstration has marked it as its own; nothing was deleted, name another folder "
            "with --output, or delete it yourself if an earlier release made it for a demonstration"
        )
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(home / MARK, b"The records of `screen demo`, which deletes this folder when it is run again.\n")


def _drawn(folder: Path) -> Path:
    from cli.drawn_lesions import draw_folder

    if not folder.is_dir():
        kinds = draw_folder(folder)
        what = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        output.talk(f"Drew {sum(kinds.values())} pictures into {folder}: {what}.")
    output.talk("These pictures are drawn by a program. They show no person and their results mean nothing.")
    return folder


def _report(database: Database, settings: Settings, total: Counts, folder: Path) -> list[ReportRow]:
    """Write both reports; returns the flagged lesions."""
    from cli.html_report import write_html
    from models.whole_file import whole_file
    from storage.audit.checkpoints import end_of_trail
    from storage.report import rows, write_csv

    with database.read() as session:
        flagged = list(rows(session, [total.batch], flagged_only=True))
        with whole_file(folder / "report.csv") as file:
            write_csv(file, flagged)
        with whole_file(folder / "report.html") as file:
            write_html(file, session, [total], flagged_only=False, trail=end_of_trail(session, settings))
    return flagged


def _table(flagged: list[ReportRow]) -> None:
    columns = ["image", "probability", "threshold", "model", "policy"]
    shown = [[row.as_text()[column] for column in columns] for row in flagged[:SHOWN]]
    output.table(f"Flagged lesions, highest probability first ({len(shown)} of {len(flagged)})", columns, shown)
