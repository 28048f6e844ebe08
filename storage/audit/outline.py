"""The text of an audit event that is written out before the transaction, but for what is known only inside of it.

Whoever appends to the chain keeps every other writer waiting, so of a million events as much as can be is done before.
"""

from __future__ import annotations

from storage.audit.chain import Event, body

_HOLES = ("at", "duplicate_of", "image")  # time, and numbers of rows
_OPEN = "@"


def outline(item: Event) -> str:
    """The text of an event with holes, for `fill_in`. The time is a hole; ``image`` and ``duplicate_of`` are where
    they are among the facts, with whatever value.
    """
    holes: dict[str, str | int | None] = {name: _OPEN for name in _HOLES if name in item.facts}
    said = body(Event(item.event, item.batch_id, item.facts | holes), _OPEN).replace("%", "%%")
    for name in _HOLES:
        # found nowhere else: in a text the quotes would be escaped, and no other key ends in these names
        said = said.replace(f'"{name}":"{_OPEN}"', f'"{name}":%({name})s', 1)
    return said


def fill_in(text: str, at: str, image: int, duplicate_of: int | None) -> str:
    """The text that is hashed, as `storage.audit.chain.body` would have made it. at: ISO 8601."""
    return text % {"at": f'"{at}"', "image": image, "duplicate_of": duplicate_of}
