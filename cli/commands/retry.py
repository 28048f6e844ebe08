"""`screen retry`: another try for what failed."""

from __future__ import annotations

import click

from cli.by_option import by_option
from cli.utf8 import UTF8


@click.command("retry")
@click.argument("batch", type=UTF8)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for the results; without a Redis of your own, runs a worker itself when none is alive.",
)
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def command(batch: str, wait: bool, actor: str, as_json: bool) -> int:
    """Queue again what failed in BATCH, once its cause is repaired; everything else stays as it is.

    Failed images are ours: their attempts were used up. Rejected images are the input's fault and are never
    tried again; hand in better files instead. An audit event says who did this.

    \b
    Example:
      screen retry 20261121-093000-1f2e3d
      screen retry 20261121-093000-1f2e3d --wait --json
    """
    from contextlib import closing
    from functools import partial

    from cli import output
    from cli.exit_codes import ExitCode
    from cli.queueing import queue
    from cli.show_counts import show_counts
    from storage.counts import counts
    from storage.migrate import open_database
    from storage.retry import retry_failed
    from storage.settings import from_environment

    settings = from_environment()
    with closing(open_database(settings)) as database:
        with database.write() as session:
            retried = retry_failed(session, batch, actor)
        with database.read() as session:
            total = counts(session, batch)
        show = partial(show_counts, as_json=as_json, retried=retried.images)
        if retried.erased:
            output.talk(f"Failed images that were erased and stay as they are: {retried.erased}.")
        if retried.images:
            if failed := retried.images - retried.copies:
                output.talk(f"Failed images that are tried again: {failed}.")
            if retried.copies:
                output.talk(f"Copies of erased images that are screened in their stead: {retried.copies}.")
            return queue(total, settings, database, show, wait=wait)
    show(total)
    if not retried.erased:
        output.talk(f"Nothing of batch {batch} has failed: nothing is tried again.")
    return ExitCode.DONE
