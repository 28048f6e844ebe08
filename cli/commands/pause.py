"""`screen pause`: hand out no more work."""

from __future__ import annotations

import click

from cli.by_option import by_option


@click.command("pause")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(actor: str, as_json: bool) -> None:
    """Hand out no more work in the whole installation, on any worker, until `screen resume`.

    Chunks in hand are finished; batches that are handed in meanwhile are recorded and wait, and `screen status`
    says why. An audit event says who did this.

    \b
    Example:
      screen pause
      screen pause --by "dr jones"
    """
    from cli import output
    from cli.pausing import turn

    changed = turn(actor, on=True)
    if as_json:
        output.data_json({"paused": True, "changed": changed})
    else:
        output.data("Paused: nothing new begins until `screen resume`." if changed else "It was paused already.")
