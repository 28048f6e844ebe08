"""`screen audit export`: the whole trail for somebody else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from cli.utf8 import UTF8


@click.command("export")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a file instead of stdout.")
@click.option("--receiver", metavar="NAME", type=UTF8, help="Who gets it; stands on the trail.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; needs --output.")
def command(output: Path | None, receiver: str | None, as_json: bool) -> None:
    """Write every audit event as it is stored, and the signed checkpoints, as lines of JSON.

    The file holds no names of images or patients. Its SHA-256 and its receiver go on the audit trail. `screen audit
    verify --export FILE` checks it, and so does the one file that `screen audit verifier` writes.

    \b
    Example:
      screen audit export --output trail.jsonl --receiver "State inspectorate"
    """
    from cli import output as out
    from cli.asked_file import asked_binary_file
    from cli.streams import ReaderGone, reader_gone
    from models.errors import UsageFault
    from storage.audit.export import note_export, write_export
    from storage.migrate import open_database
    from storage.settings import from_environment

    if as_json and output is None:
        raise UsageFault("--json tells of a file: expected --output FILE, received none; without both, stdout gets it")
    settings = from_environment()
    database = open_database(settings)
    if output is None:
        made = write_export(database, settings, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        if reader_gone():
            note_export(database, replace(made, events=-1), receiver or None)
            raise ReaderGone
    else:
        with asked_binary_file(output, "the trail") as file:
            made = write_export(database, settings, file)
    note_export(database, made, receiver or None)
    if as_json:
        out.data_json({"file": str(output), "receiver": receiver, **made.facts()})
        return
    where = f" to {output}" if output else ""
    out.talk(f"Wrote {made.events} events and {made.checkpoints} checkpoints{where} (SHA-256 {made.sha256}).")
