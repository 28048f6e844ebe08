"""Where the files of an inbox go: free names in its folders processed/DATE and rejected."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from models.errors import PassingFault, UsageFault
from storage.inbox_moves import PROCESSED, REASON_SUFFIX, REJECTED

_LONGEST_EXTENSION = 16  # bytes; what follows the last dot of a longer one is part of a sentence


@contextmanager
def answering() -> Iterator[None]:
    """Raises PassingFault where the inbox does not answer, or is not there for now: its share may come back."""
    try:
        yield
    except OSError as error:
        raise PassingFault(f"the inbox does not answer: {error.strerror}") from error
    except UsageFault as fault:  # it went between two looks
        raise PassingFault("the inbox is not there") from fault


class Places:
    """Free places for the files of one batch. ``promised``: those of files that have still to be moved to them."""

    def __init__(self, inbox: Path, promised: Iterable[Path] = ()) -> None:
        self._inbox = inbox
        self._files: set[Path] = set()
        self._folders: set[Path] = set()  # in which they lie
        for place in promised:
            self._promise(place)

    def free(self, path: Path, kind: str) -> Path:
        """A free place for a file of the inbox below processed/DATE or rejected, which nobody else gets.

        A name that is taken gets a number, and so does a folder whose name a file has. Raises PassingFault when the
        inbox does not answer, or has no such folder but a file of its name.
        """
        parent = self._inbox / kind
        *steps, name = path.relative_to(self._inbox).parts
        if kind == PROCESSED:
            steps.insert(0, date.today().isoformat())
        with answering():
            longest = os.pathconf(self._inbox, "PC_NAME_MAX")
            if self._is_no_folder(parent):
                raise PassingFault(f"{kind} in the inbox is no folder: move it away")
            for step in steps:
                parent = _numbered(parent, step, "", longest, self._is_no_folder)
            stem, extension = _split(name)
            room = longest - (len(f".{REASON_SUFFIX}") if kind == REJECTED else 0)
            place = _numbered(parent, stem, extension, room, self._is_taken)
        self._promise(place)
        return place

    def _promise(self, place: Path) -> None:
        self._files.update(self._names(place))
        self._folders.update(parent for parent in place.parents if parent.is_relative_to(self._inbox))

    def _is_taken(self, place: Path) -> bool:
        return any(name in self._files or name in self._folders or os.path.lexists(name) for name in self._names(place))

    def _names(self, place: Path) -> tuple[Path, ...]:
        """What a file takes up: its name, and in rejected that of the reason beside it."""
        if not place.is_relative_to(self._inbox / REJECTED):
            return (place,)
        return (place, place.with_name(place.name + REASON_SUFFIX))

    def _is_no_folder(self, place: Path) -> bool:
        if place in self._folders:
            return False
        try:
            return place in self._files or not stat.S_ISDIR(place.lstat().st_mode)
        except OSError:  # it is not there, or may not be looked at: moving tells
            return False


def _numbered(parent: Path, stem: str, extension: str, room: int, taken: Callable[[Path], bool]) -> Path:
    """The first of the names stem, stem-1, stem-2, ... that is not taken, cut to ``room`` bytes."""
    mark, number = "", 0
    while taken(place := parent / _fitting(stem, f"{mark}{extension}", room)):
        number += 1
        mark = f"-{number}"
    return place


def _split(name: str) -> tuple[str, str]:
    stem, extension = Path(name).stem, Path(name).suffix
    return (stem, extension) if len(os.fsencode(extension)) <= _LONGEST_EXTENSION else (name, "")


def _fitting(stem: str, end: str, room: int) -> str:
    while len(os.fsencode(stem + end)) > room:
        stem = stem[:-1]
    return stem + end
