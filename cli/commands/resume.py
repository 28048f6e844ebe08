"""`screen resume`: hand out work again."""

from __future__ import annotations

import click

from cli.by_option import by_option


@click.command("resume")
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(actor: str, as_json: bool) -> None:
    """Hand out work again after `screen pause`. An audit event says who did this.

    Running workers go on within seconds.

    \b
    Example:
      screen resume
      screen resume --by "dr jones"
    """
    from cli import output
    from cli.pausing import turn

    changed = turn(actor, on=False)
    if as_json:
        output.data_json({"paused": False, "changed": changed})
    else:
        output.data("Resumed." if changed else "It was not paused.")
