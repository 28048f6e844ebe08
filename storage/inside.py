"""Folders below a root, reached without following a link: whoever may write there cannot lead us elsewhere.

A path is walked step by step, each step opened relative to the one before (``openat`` with ``O_NOFOLLOW``). A folder
that is swapped for a link while we look is met as a link, and what was opened stays what it was.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextmanager
def folder_inside(root: Path, folder: Path, *, make: bool = False) -> Iterator[int]:
    """A descriptor of ``folder``, which is ``root`` or lies below it; with ``make`` its folders are made.

    Folders that are made are as open to others as the root is, whatever the umask. The root itself may be a link: a
    person named it. Raises OSError (ELOOP for a link below the root) and ValueError for a path that is not inside.
    """
    steps = folder.relative_to(root).parts
    if ".." in steps:
        raise ValueError(f"a path inside a folder has no ..; received {len(steps)} steps with one")
    here = os.open(root, _FOLDER)
    try:
        mode = stat.S_IMODE(os.fstat(here).st_mode)
        for step in steps:
            if make:
                _make(step, here, mode)
            inner = _open(step, here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def _make(name: str, parent: int, mode: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
        made = _open(name, parent)
        try:
            os.fchmod(made, mode)
        finally:
            os.close(made)


def _open(name: str, parent: int) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except NotADirectoryError as error:  # what Linux says of a link that should be a folder
        if stat.S_ISLNK(os.lstat(name, dir_fd=parent).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        raise
