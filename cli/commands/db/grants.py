"""`screen db grants`: the rights that the application needs in PostgreSQL, and no more."""

from __future__ import annotations

import click


@click.command("grants")
@click.argument("role", metavar="ROLE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(role: str, as_json: bool) -> None:
    """Print the SQL that lets ROLE screen, and neither change nor delete what was recorded.

    Run it as the owner of the database, who made the tables with `screen db upgrade`; then give the application the
    URL of ROLE. The owner's password stays with whoever upgrades.

    \b
    Example:
      screen db grants dermscreen_app | psql postgresql://owner@host/dermscreen
    """
    from cli import output
    from storage.grants import grants

    statements = grants(role)
    if as_json:
        output.data_json({"role": role, "statements": statements})
    else:
        for statement in statements:
            output.data(f"{statement};")
