"""Which image does a row of somebody's table mean?"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from models.printable import printable

SHOWN = 20  # names in an error; the number of those beyond is told


@dataclass(frozen=True)
class Target:
    """An image that a row may mean: its path as submitted, relative to the folder, its SHA-256 if it has one, and its
    absolute path or URL, "" where nobody knows."""

    image: str
    relative: str
    checksum: str | None
    location: str = ""


class Targets:
    """Finds images by path as submitted, relative to the folder or absolute, by file name, by checksum, and by file
    name without its extension: in that order."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._ways: list[dict[str, list[int]]] = []
        for way in (_as_submitted, _relative, _absolute, _name, _checksum, _stem):
            places: dict[str, list[int]] = defaultdict(list)
            for number, target in enumerate(targets):
                if key := way(target):
                    places[key].append(number)
            self._ways.append(places)

    def find(self, key: str) -> list[int]:
        """Numbers of the images that a key means: those of the first way that knows it; none: an empty list."""
        wanted = plain(key)
        return next((places[wanted] for places in self._ways if wanted in places), [])

    def one(self, numbers: Sequence[int]) -> bool:
        """Whether these are one image: a single one, or copies of the same bytes."""
        checksums = {self._targets[number].checksum for number in numbers}
        return len(numbers) == 1 or (len(checksums) == 1 and None not in checksums)


def plain(text: str) -> str:
    """Tables from Windows write backslashes; people write ./ before a path, and SHA-256 in capitals."""
    found = text.strip().replace("\\", "/")
    while found.startswith("./"):
        found = found[2:]
    capitals = len(found) == 64 and all(character in "0123456789abcdefABCDEF" for character in found)
    return found.lower() if capitals else found


def _as_submitted(target: Target) -> str:
    return plain(target.image)


def _relative(target: Target) -> str:
    return plain(target.relative)


def _absolute(target: Target) -> str:
    return os.path.normpath(plain(target.location)) if target.location else ""


def _name(target: Target) -> str:
    return PurePosixPath(plain(target.image)).name


def _checksum(target: Target) -> str:
    return target.checksum or ""


def _stem(target: Target) -> str:
    return PurePosixPath(plain(target.image)).stem


def listed(items: Sequence[str]) -> str:
    """Lines of an error, one for each item, at most ``SHOWN``, whatever the names in them hold."""
    more = f"\n  and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "".join(f"\n  {printable(item)}" for item in items[:SHOWN]) + more
