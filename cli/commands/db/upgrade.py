"""`screen db upgrade`: bring the database to this release's schema."""

from __future__ import annotations

import click


@click.command("upgrade")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Create the tables, or bring those of an older release up to date, in one transaction.

    \b
    Example:
      screen db upgrade
    """
    from cli import output
    from storage.database import Database, url_of
    from storage.migrate import upgrade
    from storage.settings import from_environment

    settings = from_environment()
    if settings.embedded_database:
        settings.make_home()
    database = Database(url_of(settings))
    before, after = upgrade(database)
    if as_json:
        output.data_json({"database": database.shown_url, "before": before, "after": after})
    elif before == after:
        output.data(f"{database.shown_url} is up to date (schema {after}).")
    else:
        output.data(f"{database.shown_url}: schema {before or 'none'} -> {after}.")
