"""`screen recover`: find again what a crash left behind."""

from __future__ import annotations

import click


@click.command("recover")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
def command(as_json: bool) -> None:
    """Send again what got lost, once: chunks never sent, lost in Redis, or held by a worker that is gone.

    Safe to run at any time and as often as you like. Workers and `screen beat` do the same by themselves.

    \b
    Example:
      screen recover
    """
    from cli import output
    from scheduler.broker import connect
    from scheduler.celery_app import make_app
    from scheduler.dispatch import recover
    from storage.audit.checkpoints import take_if_due
    from storage.exports import write_due_exports
    from storage.migrate import open_database
    from storage.settings import from_environment

    settings = from_environment()
    database = open_database(settings)
    broker = connect(settings)
    found = recover(database, broker, make_app(broker)) | {"reports": len(write_due_exports(database))}
    take_if_due(database, settings)
    if as_json:
        output.data_json(found)
    else:
        output.data(
            f"taken back from lost workers {found['taken_back']}, messages lost {found['lost_messages']}, "
            f"chunks sent {found['sent']}, reports written {found['reports']}"
        )
