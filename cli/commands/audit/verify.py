"""`screen audit verify`: does the chain hold?"""

from __future__ import annotations

import click


@click.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Check every link of the audit chain. Exit code 5 names the first event that does not hold.

    \b
    Example:
      screen audit verify
    """
    from cli import output
    from models.errors import ProofBroken
    from storage import audit
    from storage.migrate import open_database
    from storage.settings import from_environment

    database = open_database(from_environment())
    try:
        with database.read() as session:
            length = audit.verify(session)
    except ProofBroken as error:
        if as_json:
            output.data_json({"intact": False, "reason": str(error)})
        raise
    if as_json:
        output.data_json({"intact": True, "events": length})
    else:
        output.data(f"The audit chain is intact: {length} events.")
