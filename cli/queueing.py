"""Sending what a command has recorded, and waiting for it where that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cli import output
from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from storage.counts import Counts
    from storage.database import Database
    from storage.settings import Settings


def queue(
    total: Counts, settings: Settings, database: Database, show: Callable[[Counts], None], *, wait: bool
) -> ExitCode:
    """Send the chunks of a batch, wait for its end if told to, show its counts, and say what comes next.

    Raises ServiceUnreachable when the broker is gone, UsageFault when its URL is none, ModelInvalid when our worker
    refuses to screen and KeyboardInterrupt when nobody wants to wait any longer, each after the counts so far were
    shown.
    """
    from cli.unjudged import say_what_to_read
    from cli.waiting import wait_for
    from models.errors import DermscreenError
    from scheduler.broker import connect
    from scheduler.celery_app import make_app
    from scheduler.dispatch import send_due
    from storage.counts import counts
    from storage.pause import paused
    from storage.report import NOTICE

    def so_far() -> Counts:
        with database.read() as session:
            return counts(session, total.batch)

    with database.read() as session:
        pause = paused(session)
    if total.state != "complete":
        if pause:
            output.talk(f"The site is paused by {pause.actor}: the images wait until `screen resume`.")
        try:
            broker = connect(settings)
            send_due(database, make_app(broker))
        except DermscreenError:
            show(total)
            output.talk(f"Batch {total.batch} is recorded and loses nothing; `screen recover` queues it later.")
            raise
        try:
            total = wait_for(total.batch, settings, database, broker) if wait else so_far()
        except (DermscreenError, KeyboardInterrupt):
            show(so_far())  # the batch is recorded and loses nothing: its id must be known
            raise
    show(total)
    if total.state != "complete":
        done = "Recorded" if pause else "Queued"
        output.talk(f"{done}. `screen status {total.batch}` shows how far it is; `screen worker` screens it.")
    else:
        say_what_to_read(total)
        output.talk(NOTICE)
    return ExitCode.DONE_WITH_REJECTS if total.rejected or total.failed else ExitCode.DONE
