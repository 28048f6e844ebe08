"""Deleting the file of an image: that very file, or none."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.inbox_moves import PROCESSED, REASON_SUFFIX, REJECTED
from storage.paths import to_path

DELETED, KEPT, LEFT = "deleted", "kept", "left"


@dataclass(frozen=True)
class Removal:
    """What became of a file. ``reason``: why it was kept, or left although it should be deleted."""

    file: str
    status: str
    reason: str = ""


def remove_image(location: str, checksum: str | None, *, dry_run: bool = False) -> Removal:
    """Delete the file at a location if its bytes have this SHA-256; with ``dry_run`` only look whether it would be.

    The file is opened without following a link and read to its end; what is deleted is the name, in the folder that was
    opened, of the file that was read. Its blocks on the disk are the file system's and are not overwritten.
    """
    if "://" in location and not location.startswith("file://"):
        return Removal(location, LEFT, "it lies in a remote store: delete it there")
    path = to_path(location)
    if checksum is None:
        return Removal(path, LEFT, "it could not be read when it was handed in, so nobody knows whether it is the same")
    try:
        folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            why = _remove_from(folder, Path(path).name, checksum, dry_run=dry_run)
        finally:
            os.close(folder)
    except FileNotFoundError:
        why = "it is no longer there: deleted before, or moved to a place that is not known here"
    except (OSError, ValueError) as error:
        why = f"it could not be deleted: {getattr(error, 'strerror', None) or error}"
    return Removal(path, LEFT if why else DELETED, why)


def _remove_from(folder: int, name: str, checksum: str, *, dry_run: bool) -> str:
    """Returns why the file, or its content, is still there; "" when it is not."""
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(before.st_mode):
        return "something else lies there now: no regular file"
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return "something else lies there now: no regular file"
        if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
            return "it has changed since it was handed in: another picture may lie there"
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
            return "it was exchanged at this moment"
        if not dry_run:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)
    if found.st_nlink > 1:
        return f"deleted here, but its content has {found.st_nlink - 1} more names (hard links) elsewhere"
    return ""


def tidy_inbox(inbox: str, file: str) -> None:
    """Delete what an inbox keeps of a file that left it: the ``.reason.txt``, whose name is the file's, and folders
    that are empty now. What cannot be deleted stays."""
    path = Path(file)
    _try(path.with_name(path.name + REASON_SUFFIX).unlink)
    ends = {Path(inbox), *(Path(inbox) / kept for kept in (PROCESSED, REJECTED))}
    for parent in path.parents:
        if parent in ends or Path(inbox) not in parent.parents or any(parent.iterdir()):
            return
        _try(parent.rmdir)


def _try(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError:
        return
