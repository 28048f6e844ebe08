"""The switch behind `screen pause` and `screen resume`."""

from __future__ import annotations

from contextlib import closing

from storage import pause
from storage.migrate import open_database
from storage.settings import from_environment


def turn(actor: str, *, on: bool) -> bool:
    """Turn the pause of this site on or off. Returns whether it changed."""
    with closing(open_database(from_environment())) as database, database.write() as session:
        return pause.turn(session, on=on, actor=actor)
