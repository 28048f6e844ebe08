"""Moving a file out of the folder in which it was dropped, by steps that follow no link."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from storage.inbox_moves import REASON_SUFFIX, Move
from storage.inside import folder_inside
from storage.paths import to_path

_WORDS = {
    errno.ELOOP: "a folder on its way has become a link",
    errno.ENOTDIR: "a file lies where it needs a folder",
}


def move_out(inbox: Path, move: Move) -> str:
    """Move one file of a batch to its place. Returns why that cannot be done now; "" when it is done, or was."""
    source, target = Path(to_path(move.source)), Path(to_path(move.target))
    try:
        with folder_inside(inbox, target.parent, make=True) as goes:
            if not _is_there(target.name, goes):
                # a reason that is there is whole: of a watcher that died then, or of whoever was faster
                if move.reason and not _is_there(target.name + REASON_SUFFIX, goes):
                    _write(goes, target.name + REASON_SUFFIX, f"{move.reason}\n".encode(), inbox)
                # it, or its folder, may be gone: somebody took it away
                with (
                    suppress(FileNotFoundError, NotADirectoryError),
                    folder_inside(inbox, source.parent) as lies,
                ):
                    os.rename(source.name, target.name, src_dir_fd=lies, dst_dir_fd=goes)
    except OSError as error:
        if error.errno != errno.EXDEV:
            return _said(error)
        try:  # something is mounted in the inbox
            shutil.move(source, target)
        except OSError as another:
            return _said(another)
    _remove_empty_folders(inbox, source)
    return ""


def _said(error: OSError) -> str:
    return _WORDS.get(error.errno or 0) or error.strerror or "the system does not say why"


def _remove_empty_folders(inbox: Path, source: Path) -> None:
    """A folder that was dropped in whole goes when its last file is gone."""
    with suppress(OSError):  # a folder holds something, perhaps dropped just now
        for parent in source.parents:
            if parent == inbox or not parent.is_relative_to(inbox) or parent.is_symlink():
                break
            if parent.is_dir():  # else an earlier watcher removed it before it died
                parent.rmdir()


def _is_there(name: str, folder: int) -> bool:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _write(folder: int, name: str, data: bytes, like: Path) -> None:
    """Write a file whole, readable by whoever may read the folder ``like``: it is for those who dropped the image."""
    partial = f".{name}"
    with suppress(FileNotFoundError):  # of a watcher that died
        os.unlink(partial, dir_fd=folder)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        os.fchmod(descriptor, stat.S_IMODE(like.stat().st_mode) & 0o666)
        os.fsync(descriptor)
    os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
