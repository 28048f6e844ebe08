"""`screen status`: how far are the batches?"""

from __future__ import annotations

import click

from cli.utf8 import UTF8


@click.command("status")
@click.argument("batch", required=False, type=UTF8)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, or a list without BATCH.")
def command(batch: str | None, as_json: bool) -> None:
    """Show the counts of BATCH, or of all batches, oldest first, and why an open one waits.

    \b
    Example:
      screen status
      screen status 20261121-093000-1f2e3d --json
    """
    from contextlib import closing
    from dataclasses import asdict

    from cli import output
    from cli.show_counts import show_counts
    from scheduler.waiting import reasons
    from storage.counts import batch_ids, counts
    from storage.migrate import open_database
    from storage.settings import from_environment

    settings = from_environment()
    with closing(open_database(settings)) as database:
        with database.read() as session:
            found = [counts(session, batch_id) for batch_id in batch_ids(session, [] if batch is None else [batch])]
        open_ids = [item.batch for item in found if item.state != "complete"]
        waiting = reasons(database, settings) if open_ids else {}
    shown = [item.as_json() for item in found]
    for row in shown:
        if row["batch"] in open_ids:
            row["waiting"] = [asdict(reason) for reason in waiting.get(row["batch"], [])]
    if as_json:
        output.data_json(shown if batch is None else shown[0])
    elif batch is not None:
        show_counts(found[0], as_json=False)
        for reason in waiting.get(batch, []):
            output.data(f"waiting    {reason.text} ({reason.code})")
    elif found:
        columns = ["batch", "state", "received", "screened", "duplicate", "rejected", "failed",
                   "flagged", "clear", "review", "seconds"]  # fmt: skip
        rows = [[str(row[key]) for key in columns] for row in shown]
        codes = [", ".join(reason["code"] for reason in row.get("waiting", [])) for row in shown]
        output.table("Batches", [*columns, "waiting"], [[*row, code] for row, code in zip(rows, codes, strict=True)])
        for text in dict.fromkeys(reason.text for batch_id in open_ids for reason in waiting.get(batch_id, [])):
            output.talk(f"Waiting: {text}.")
    else:
        output.talk("No batch yet. Hand one in with `screen submit FOLDER --wait`.")
