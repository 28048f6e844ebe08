"""Which files did a person name? Files and folders, recursively, in natural order; nothing silently skipped."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from models.errors import UsageFault
from scheduler.natural_order import natural_key, naturally_sorted
from storage.paths import shown, to_location
from storage.remote_folders import is_url, list_url

# what operating systems leave in every folder; passed over, counted and said
SYSTEM_FILES = {".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"}


@dataclass(frozen=True)
class Found:
    """A file: its path as submitted, where it is read, and why it cannot even be opened, if so.

    ``root``: the location of the folder that it was found in; links between the two are not followed.
    """

    image: str
    location: str
    problem: str | None = None
    root: str | None = None


class Collection:
    """Iterates over the files of the named paths. ``passed_over`` counts system files met on the way.

    ``without`` names entries of a named folder that are left out, at its top alone. ``scratch`` is where the names of a
    large folder wait while they are sorted.

    Raises UsageFault at once when a named path does not exist.
    """

    def __init__(self, paths: Sequence[str], without: Container[str] = (), scratch: Path | None = None) -> None:
        for path in paths:
            if not is_url(path) and not os.path.lexists(path):
                raise UsageFault(f"no such file or folder: {path}")
        self._paths, self._without, self._scratch = paths, without, scratch
        self._root: str | None = None
        self.passed_over = 0

    def __iter__(self) -> Iterator[Found]:
        for path in self._paths:
            if is_url(path):
                names = sorted(list_url(path), key=natural_key)
                yield from (Found(name, name) for name in names)
            elif Path(path).is_dir():
                # a folder that was named by hand may be a symbolic link; inside it links are refused
                self._root = to_location(path)
                yield from self._walk(path, self._without)
                self._root = None
            else:
                yield _found(path)

    def _walk(self, folder: str, without: Container[str] = ()) -> Iterator[Found]:
        with ExitStack() as stack:
            try:
                with os.scandir(folder) as entries:
                    named = ((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
                    ordered = stack.enter_context(naturally_sorted(named, self._scratch))
            except OSError as error:
                yield Found(shown(folder), to_location(folder), f"folder cannot be read: {error.strerror}")
                return
            for name, is_folder in ordered:
                if name in without:
                    continue
                path = os.path.join(folder, name)  # noqa: PTH118 - Path would drop the "./"; it stays as it was typed
                if is_folder:
                    yield from self._walk(path)
                elif _is_of_the_system(name):
                    self.passed_over += 1
                else:
                    yield _found(path, self._root)

    def count(self) -> int:
        """How many files an iteration gives, without putting them in order."""
        number = 0
        for path in self._paths:
            if is_url(path):
                number += len(list_url(path))
            else:
                number += _count(path, self._without) if Path(path).is_dir() else 1
        return number


def _count(folder: str, without: Container[str] = ()) -> int:
    number = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in without:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    number += _count(entry.path)
                else:
                    number += not _is_of_the_system(entry.name)
    except OSError:
        return 1  # it is given as one thing that cannot be read
    return number


def _is_of_the_system(name: str) -> bool:
    return name.casefold() in SYSTEM_FILES or name.startswith("._")


def _found(path: str, root: str | None = None) -> Found:
    return Found(shown(path), to_location(path), root=root)
