"""`screen status`: how far are the batches?"""

from __future__ import annotations

import click


@click.command("status")
@click.argument("batch", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, or a list without BATCH.")
def command(batch: str | None, as_json: bool) -> None:
    """Show the counts of BATCH, or of all batches, oldest first.

    \b
    Example:
      screen status
      screen status 20261121-093000-1f2e3d --json
    """
    from cli import output
    from cli.show_counts import show_counts
    from storage import workers
    from storage.counts import batch_ids, counts
    from storage.migrate import open_database
    from storage.settings import from_environment

    database = open_database(from_environment())
    with database.read() as session:
        found = [counts(session, batch_id) for batch_id in batch_ids(session, [batch] if batch else [])]
        alive = len(workers.alive(session))
    if any(item.state != "complete" for item in found) and not alive:
        output.talk("No worker is alive: open batches wait. Start one with `screen worker`.")
    if batch:
        show_counts(found[0], as_json=as_json)
    elif as_json:
        output.data_json([item.as_json() for item in found])
    elif found:
        columns = ["batch", "state", "received", "screened", "duplicate", "rejected", "failed",
                   "flagged", "clear", "review", "seconds"]  # fmt: skip
        output.table("Batches", columns, [[str(item.as_json()[key]) for key in columns] for item in found])
    else:
        output.talk("No batch yet. Hand one in with `screen submit FOLDER --wait`.")
