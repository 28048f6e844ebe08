"""`screen db backup`: all tables as they stand now, in one file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(file: Path, as_json: bool) -> None:
    """Write a backup of the database while workers go on; `screen db restore` loads it into either kind of database.

    Photographs and model versions are no part of it: back up their folders as files. The backup holds the names of
    images; only its owner may read it.

    \b
    Example:
      screen db backup /srv/backup/dermscreen-monday.gz
    """
    from cli import output
    from storage.backup import write_backup
    from storage.migrate import open_database
    from storage.settings import from_environment

    made = write_backup(open_database(from_environment()), file)
    if as_json:
        header = made.header
        output.data_json(
            {
                "file": str(file), "sha256": made.sha256, "schema": header.schema, "software": header.software,
                "taken_at": header.taken_at, "rows": made.rows,
            }
        )  # fmt: skip
        return
    output.data(
        f"{file}: {sum(made.rows.values())} rows, {made.rows['batches']} batches, {made.rows['images']} images."
    )
    output.data(f"SHA-256 {made.sha256}")
