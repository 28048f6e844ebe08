"""`screen down`: stop the embedded broker."""

from __future__ import annotations

import click


@click.command("down")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Stop the embedded Valkey, its data safe on the disk. A Redis named by URL is left alone.

    \b
    Example:
      screen down
    """
    from cli import output
    from scheduler.embedded_valkey import stop
    from storage.settings import from_environment

    settings = from_environment()
    stopped = stop(settings)
    if as_json:
        output.data_json({"stopped": stopped})
    else:
        output.data("The embedded broker is stopped." if stopped else "No embedded broker was running.")
