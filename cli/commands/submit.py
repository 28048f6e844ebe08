"""`screen submit`: hand in a batch."""

from __future__ import annotations

from pathlib import Path

import click

from cli.short_text import NAME


@click.command("submit")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for the results; without a Redis of your own, runs a worker itself when none is alive.",
)
@click.option("--site", type=NAME, help="Where the images come from; stands in every report.")
@click.option("--submitter", type=NAME, help="Who hands them in. Default: the user of this process.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A CSV with the columns image, patient and, if you like, lesion: pseudonyms.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def command(
    paths: tuple[str, ...], wait: bool, site: str | None, submitter: str | None, manifest: Path | None, as_json: bool
) -> int:
    """Hand in images: files and folders, recursively, in natural order.

    Files stay where they are; their path and SHA-256 are remembered. Exit code 1 says that some images were
    rejected or failed, each with its reason in `screen report --all`.

    \b
    Example:
      screen submit ./batch --wait
      screen submit clinic/monday extra.jpg --site north --json
      screen submit clinic/monday --manifest monday.csv
    """
    from functools import partial

    from cli.handing_in import hand_in
    from cli.queueing import queue
    from cli.show_counts import show_counts
    from scheduler.broker import locate
    from scheduler.intake import Request, active_manifest
    from storage.migrate import open_database
    from storage.settings import from_environment

    settings = from_environment()
    database = open_database(settings)
    # a missing model and a broker URL that is none are said before an hour of reading, not after it
    active_manifest(database, settings)
    locate(settings).client().close()
    total = hand_in(paths, Request(site=site, submitter=submitter), settings, database, manifest)
    return queue(total, settings, database, partial(show_counts, as_json=as_json), wait=wait)
