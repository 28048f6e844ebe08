"""Deleting the file of an image: that very file, or none."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from storage.inbox_moves import PROCESSED, REASON_SUFFIX, REJECTED
from storage.inside import folder_inside
from storage.paths import to_path

DELETED, KEPT, LEFT = "deleted", "kept", "left"


@dataclass(frozen=True)
class Removal:
    """What became of a file. ``reason``: why it was kept, or left although it should be deleted."""

    file: str
    status: str
    reason: str = ""


def remove_image(location: str, checksum: str | None, *, inbox: str | None = None, dry_run: bool = False) -> Removal:
    """Delete the file at a location if its bytes have this SHA-256; with ``dry_run`` only look whether it would be.

    In an inbox, where others may write, no folder on the way may be a link. The file is opened without following a link
    and read to its end; what is deleted is the name, in the folder that was opened, of the file that was read. Its
    blocks on the disk are the file system's and are not overwritten.
    """
    if "://" in location and not location.startswith("file://"):
        return Removal(location, LEFT, "it lies in a remote store: delete it there")
    path = to_path(location)
    if checksum is None:
        return Removal(path, LEFT, "it could not be read when it was handed in, so nobody knows whether it is the same")
    try:
        root = Path(inbox) if inbox and Path(path).is_relative_to(inbox) else Path(path).parent
        with folder_inside(root, Path(path).parent) as folder:
            why = _remove_from(folder, Path(path).name, checksum, dry_run=dry_run)
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
    """Delete what an inbox keeps of a file that left it: its ``.reason.txt``, and folders that are empty now.

    Their names may be those of the file and of the patient. What cannot be deleted stays.
    """
    path, root = Path(file), Path(inbox)
    with suppress(OSError, ValueError), folder_inside(root, path.parent) as folder:
        os.unlink(path.name + REASON_SUFFIX, dir_fd=folder)
    with suppress(OSError, ValueError):  # a folder that is not empty, or not there any more
        for parent in path.parents:
            if parent in (root / PROCESSED, root / REJECTED) or root not in parent.parents:
                break
            with folder_inside(root, parent.parent) as folder:
                os.rmdir(parent.name, dir_fd=folder)
