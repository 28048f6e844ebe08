"""Which files of a folder of labelled pictures, one folder a class, are read: the same for checking and training.

Else a picture would be trained on that nobody searched for copies.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from models.formats import ImageFormat

SUFFIXES = frozenset(extension for of in ImageFormat for extension in of.extensions)  # as screening takes them


def folders(data: Path) -> list[Path]:
    """Those that may be classes, sorted: all whose name does not begin with a dot."""
    return sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith("."))


def pictures(folder: Path) -> list[Path]:
    """The files of a class, sorted, that have the extension of a picture.

    Not those whose name begins with a dot, such as the ._NAME that macOS leaves beside NAME; none of deeper folders.
    """
    return [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]


def others(folder: Path) -> list[Path]:
    """The files of a class, sorted, that have the extension of no picture."""
    return [path for path in _files(folder) if path.suffix.lower() not in SUFFIXES]


def nested(data: Path) -> list[str]:
    """Pictures in folders below those of the classes, as paths below DATA, sorted: they are not read."""
    found = []
    for top in folders(data):
        for place, names, _ in os.walk(top):
            names[:] = [name for name in names if not name.startswith(".")]
            if Path(place) != top:
                found += [path.relative_to(data).as_posix() for path in pictures(Path(place))]
    return sorted(found)


def told(found: Sequence[str]) -> str:
    """What is said of `nested` pictures, of which there are some."""
    return (
        f"{len(found)} pictures in folders below those of the classes, such as {found[0]}; only those that lie in the "
        "folder of their class itself are read"
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
