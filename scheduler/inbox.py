"""The inbox: files that have stopped growing become a batch and leave the inbox only after it is committed.

A file's place after the move is written down with the batch. If the watcher dies between the commit and the
move, the next one finishes the moves first, so nothing is taken in twice and nothing stays behind.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from models.errors import PassingFault, UsageFault
from scheduler.collect import Collection, Found
from scheduler.decoder import Decoder
from scheduler.intake import Request, examine, take_in
from storage.batch_writer import Received
from storage.database import Database
from storage.inbox_moves import PROCESSED, REASON_SUFFIX, REJECTED, Move, mark_moved, moves, unmoved_batches
from storage.inside import folder_inside
from storage.paths import shown, to_location, to_path
from storage.settings import Settings

# names under which copying programs write until a file is whole; they rename it then
UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
# a burst becomes one batch, but a stream that never pauses must not wait for ever
LONGEST_WAIT_SECONDS = 60.0
_LONGEST_EXTENSION = 16  # bytes; what follows the last dot of a longer one is part of a sentence

Stamp = tuple[int, int]  # size in bytes, modification time in ns


@dataclass
class _Seen:
    stamp: Stamp
    since: float  # monotonic seconds at which the file was first seen like this


@dataclass
class Inbox:
    """One watched folder. ``settle_seconds``: a file unchanged for so long has stopped growing."""

    folder: Path
    settle_seconds: float = 3.0
    request: Request = field(default_factory=lambda: Request(source="inbox"))
    _unreadable: set[str] = field(default_factory=set, init=False)
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise UsageFault(f"the inbox must be an existing folder: {self.folder}")
        self.folder = self.folder.absolute()
        for name in (PROCESSED, REJECTED):
            if (self.folder / name).is_symlink():
                raise UsageFault(f"{name}/ of the inbox is a link: expected a folder in the inbox itself")
        self.request = replace(self.request, inbox=shown(str(self.folder)))

    @property
    def unreadable(self) -> int:
        """How many folders in it could not be read at the last look; they stay."""
        return len(self._unreadable)

    def empty(self) -> bool:
        """Whether it holds nothing to take now or later. Raises PassingFault when it does not answer."""
        return next(self._files(), None) is None

    def _files(self) -> Iterator[tuple[str, Stamp]]:
        """The files in the inbox, in natural order.

        Without those already processed or rejected, and those that a copying program has still to rename
        (rsync hides them behind a dot). Raises PassingFault when the inbox itself does not answer.
        """
        self._unreadable.clear()
        with _answering():
            if not stat.S_ISDIR(self.folder.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            for found in Collection([str(self.folder)], without=(PROCESSED, REJECTED)):
                path = to_path(found.location)
                if found.problem:
                    if path == str(self.folder):
                        raise PassingFault(f"the inbox: {found.problem}")
                    self._unreadable.add(path)
                elif not (path.casefold().endswith(UNFINISHED_SUFFIXES) or Path(path).name.startswith(".")):
                    with suppress(FileNotFoundError, NotADirectoryError):
                        try:
                            state = os.lstat(path)
                        except PermissionError:  # its folder may be listed and not entered
                            self._unreadable.add(str(Path(path).parent))
                        else:
                            yield path, (state.st_size, state.st_mtime_ns)

    def settled(self) -> list[str]:
        """Files that have stopped growing, once the whole inbox is quiet or one of them has waited long enough."""
        now = time.monotonic()
        seen: dict[str, _Seen] = {}
        for path, stamp in self._files():
            before = self._seen.get(path)
            seen[path] = before if before and before.stamp == stamp else _Seen(stamp, now)
        self._seen = seen
        quiet = [path for path, item in seen.items() if now - item.since >= self.settle_seconds]
        patient = all(now - item.since < LONGEST_WAIT_SECONDS for item in seen.values())
        return [] if len(quiet) < len(seen) and patient else quiet

    def take(self, database: Database, settings: Settings) -> list[str]:
        """Finish moves that an earlier watcher left, then make a batch of what has settled.

        Returns the ids of the batches whose chunks may now be sent.
        """
        with database.read() as session:
            ready = unmoved_batches(session, self.request.inbox or "")
        for batch_id in ready:
            self._move(database, batch_id)
        if settled := self.settled():
            with Decoder() as decoder:  # the watcher outlives what it does not
                batch_id = take_in(database, settings, self.request, self._examined(settled, decoder))
            self._move(database, batch_id)
            ready.append(batch_id)
        return ready

    def _examined(self, paths: list[str], decoder: Decoder) -> Iterator[Received]:
        """Decoded whole, so that what is broken goes to rejected/ at once."""
        planned: set[Path] = set()
        for path in paths:
            found = Found(to_location(path), to_location(path), root=to_location(str(self.folder)))
            received = examine(found, check=decoder.check, attended=False)
            target = self._target(Path(path), REJECTED if received.reason else PROCESSED, planned)
            planned.add(target)
            yield replace(received, location=to_location(str(target)))

    def _target(self, path: Path, kind: str, planned: set[Path]) -> Path:
        """A free name below processed/DATE or rejected: an equal name of the same day gets a number.

        Raises PassingFault when the inbox does not answer.
        """
        parent = self.folder / kind / (date.today().isoformat() if kind == PROCESSED else "")
        wanted = parent / path.relative_to(self.folder)
        with _answering():
            room = os.pathconf(self.folder, "PC_NAME_MAX") - (len(f".{REASON_SUFFIX}") if kind == REJECTED else 0)
            target, number = _fitting(wanted, "", room), 1
            while target in planned or os.path.lexists(target):
                target = _fitting(wanted, f"-{number}", room)
                number += 1
        return target

    def _move(self, database: Database, batch_id: str) -> None:
        with database.read() as session:
            planned = moves(session, batch_id)
        for move in planned:
            self._move_one(move)
        with database.write() as session:
            mark_moved(session, batch_id)

    def _move_one(self, move: Move) -> None:
        source, target = Path(to_path(move.source)), Path(to_path(move.target))
        try:
            with folder_inside(self.folder, target.parent, make=True) as goes:
                if move.reason:
                    _write(goes, target.name + REASON_SUFFIX, f"{move.reason}\n".encode(), self.folder)
                with suppress(FileNotFoundError), folder_inside(self.folder, source.parent) as lies:
                    if not _is_there(target.name, goes):
                        os.rename(source.name, target.name, src_dir_fd=lies, dst_dir_fd=goes)
        except OSError as error:
            if error.errno == errno.EXDEV:  # something is mounted in the inbox
                with _answering():
                    shutil.move(source, target)
            elif error.errno in (errno.ELOOP, errno.ENOTDIR):  # a folder that was there is now a link, or a file
                raise PassingFault("a folder of the inbox has become a link; its files stay where they are") from error
            else:
                # a full disk, a missing permission: what was recorded is moved as soon as that is repaired
                raise PassingFault(f"a file of the inbox cannot be moved out of it: {error.strerror}") from error
        with suppress(OSError):  # a folder holds something, perhaps dropped just now
            for parent in source.parents:
                # a folder that was dropped in whole goes when its last file is gone
                if parent == self.folder or not parent.is_relative_to(self.folder) or parent.is_symlink():
                    break
                if parent.is_dir():  # else an earlier watcher removed it before it died
                    parent.rmdir()


@contextmanager
def _answering() -> Iterator[None]:
    """Raises PassingFault where the inbox does not answer, or is not there for now: its share may come back."""
    try:
        yield
    except OSError as error:
        raise PassingFault(f"the inbox does not answer: {error.strerror}") from error
    except UsageFault as fault:  # it went between two looks
        raise PassingFault("the inbox is not there") from fault


def _fitting(wanted: Path, mark: str, room: int) -> Path:
    """The path with a mark before its extension; what would take its name beyond ``room`` bytes is left out."""
    stem, extension = wanted.stem, wanted.suffix
    if len(os.fsencode(extension)) > _LONGEST_EXTENSION:
        stem, extension = wanted.name, ""
    while len(os.fsencode(stem + mark + extension)) > room:
        stem = stem[:-1]
    return wanted.with_name(stem + mark + extension)


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
