"""`screen watch`: an inbox folder."""

from __future__ import annotations

from pathlib import Path

import click

from cli.finite import FiniteRange
from cli.short_text import NAME


@click.command("watch")
@click.argument("inbox", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--settle",
    type=FiniteRange(min=0.2),
    default=3.0,
    show_default=True,
    help="Seconds without a change after which a file has stopped growing.",
)
@click.option(
    "--rescan",
    type=FiniteRange(min=0.2),
    default=2.0,
    show_default=True,
    help="Look again after so many seconds even when nothing was announced (SMB and NFS announce nothing).",
)
@click.option("--site", type=NAME, help="Where the images come from; stands in every report.")
@click.option("--submitter", type=NAME, help="Who hands them in. Default: the user of this process.")
@click.option("--once", is_flag=True, help="Take what lies in the inbox, wait for its results, and end.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the counts of each complete batch, one JSON object a line."
)
def command(
    inbox: Path, settle: float, rescan: float, site: str | None, submitter: str | None, once: bool, as_json: bool
) -> int:
    """Screen what is dropped into the folder INBOX, until stopped (Ctrl-C or SIGTERM).

    Files that have stopped growing become a batch. Once it is recorded they move to INBOX/processed/DATE/;
    those that cannot be screened go to INBOX/rejected/ with a .reason.txt. With the embedded broker a worker runs
    alongside when none is alive. With --once, exit code 1 says that some images were rejected or failed,
    130 that it was interrupted before.

    \b
    Example:
      screen watch /srv/dermscreen/inbox --site north
    """
    from cli.watching import watch
    from scheduler.inbox import Inbox
    from scheduler.intake import Request
    from storage.settings import from_environment

    request = Request(source="inbox", site=site, submitter=submitter)
    return watch(Inbox(inbox, settle, request, from_environment().home), rescan, once, as_json)
