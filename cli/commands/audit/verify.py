"""`screen audit verify`: does the chain hold?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command("verify")
@click.option("--export", "export", metavar="FILE", type=click.Path(path_type=Path), help="Check an exported trail.")
@click.option("--checkpoints", metavar="FILE|URL", multiple=True, help="Further checkpoints, such as a second place's.")
@click.option(
    "--key", "keys", metavar="PUBLICKEY", multiple=True, help="The public key that you know; no other counts."
)
@click.option("--head", "heads", metavar="SIZE:HASH", multiple=True, help="What a report says of the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    export: Path | None, checkpoints: tuple[str, ...], keys: tuple[str, ...], heads: tuple[str, ...], as_json: bool
) -> None:
    """Check every link of the audit chain and every signed checkpoint. Exit code 5 names what does not hold.

    The chain shows what was changed in its middle; the checkpoints, which lie outside the database, show that its end
    was cut off, that all of it was computed anew, or that an older copy of the database was put in its place.

    \b
    Example:
      screen audit verify
      screen audit verify --export trail.jsonl --key 4f0c...
    """
    from cli import output
    from cli.verifying import Wanted, verify_database, verify_file
    from models.errors import ProofBroken
    from storage.settings import from_environment

    wanted = Wanted.of(checkpoints, keys, heads)
    settings = from_environment()
    check: Callable[[], dict[str, Any]] = (
        (lambda: verify_database(settings, wanted))
        if export is None
        else (lambda: verify_file(export, settings, wanted))
    )
    try:
        found = check()
    except ProofBroken as error:
        if as_json:
            output.data_json({"intact": False, "reason": str(error)})
        raise
    if as_json:
        output.data_json({"intact": True, **found})
        return
    output.data(f"The audit chain is intact: {found['events']} events, {found['checkpoints']} checkpoints hold.")
    for note in found["notes"]:
        output.talk(f"Note: {note}.")
