"""`screen db restore`: a backup becomes the database."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Lose what the database holds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, replace: bool, as_json: bool) -> None:
    """Load a backup into an empty database, or with --replace into any, in one transaction.

    The file is checked to its last byte before anything is touched. Every image that was unfinished waits again. What
    was handed in after the backup is not in it: submit that again.

    \b
    Example:
      screen db restore /srv/backup/dermscreen-monday.gz
    """
    from cli import output
    from storage.database import Database, url_of
    from storage.restore import restore
    from storage.scrubbing import scrub
    from storage.settings import from_environment

    settings = from_environment()
    if settings.embedded_database:
        settings.make_home()
    database = Database(url_of(settings))
    done = restore(database, file, replace=replace, settings=settings)
    left = scrub(database) if done.erased_again else None
    rows, header = done.backup.rows, done.backup.header
    if as_json:
        output.data_json(
            {
                "file": str(file), "sha256": done.backup.sha256, "schema": header.schema, "software": header.software,
                "taken_at": header.taken_at, "rows": rows, "unfinished": done.unfinished,
                "replaced_events": done.replaced_events, "erased_again": done.erased_again,
            }
        )  # fmt: skip
        return
    output.data(
        f"{database.shown_url}: restored as of {header.taken_at}, {rows['batches']} batches, {rows['images']} images."
    )
    if done.unfinished:
        output.talk(f"{done.unfinished} images are unfinished; workers and `screen beat` go on with them.")
    if done.erased_again:
        output.talk(f"{done.erased_again} images had been erased since and are erased again; the backup holds them.")
    if left:
        output.talk(f"Left to do: {left}.")
    output.talk("`screen audit verify` checks the restored chain.")
