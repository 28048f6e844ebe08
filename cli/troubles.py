"""What does not work for now, in the loop of a command that goes on: each trouble is said once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.output import talk
from models.errors import PassingFault


class Troubles:
    """Says what does not work when it begins, not at every try; the same from several parts of a loop only once."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}  # part of the loop -> what it met at its last try

    @contextmanager
    def passing(self, part: str) -> Iterator[None]:
        """Go on behind the block when it meets a PassingFault: that part of the loop is tried again."""
        try:
            yield
        except PassingFault as fault:
            self.note(part, str(fault))
        else:
            self.note(part, "")

    def note(self, part: str, trouble: str) -> None:
        """What a part met at this try, "" for nothing."""
        if trouble and trouble not in self._now.values():
            talk(f"{trouble}; trying again.")
        self._now[part] = trouble

    def at(self, part: str) -> bool:
        """Whether a part met something at its last try."""
        return bool(self._now.get(part))
