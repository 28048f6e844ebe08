"""The inbox: files that have stopped growing become a batch and leave the inbox only after it is committed.

A file's place after the move is written down with the batch. If the watcher dies between the commit and the
move, the next one finishes the moves first, so nothing is taken in twice and nothing stays behind.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from models.errors import PassingFault, UsageFault
from models.printable import printable
from scheduler.collect import Collection, Found
from scheduler.decoder import Decoder
from scheduler.inbox_places import Places, answering
from scheduler.intake import NothingToScreen, Request, examine, take_in
from scheduler.moving_out import move_out
from storage.batch_writer import Received
from storage.database import Database
from storage.image_files import GONE
from storage.inbox_moves import (
    PROCESSED,
    REASON_SUFFIX,
    REJECTED,
    Move,
    batches_of,
    mark_moved,
    moves,
    refuse_others,
    unmoved_batches,
)
from storage.paths import shown, to_location, to_path
from storage.settings import Settings

# names under which copying programs write until a file is whole; they rename it then
UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
# a burst becomes one batch, but a stream that never pauses must not wait for ever
LONGEST_WAIT_SECONDS = 60.0
LONGEST_REASON_BYTES = 4096  # a larger file by such a name is none of ours

# of a folder that may be listed and not entered, or whose path is longer than the system takes
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)

Stamp = tuple[int, int]  # size in bytes, modification time in ns


@dataclass
class _Seen:
    stamp: Stamp
    since: float  # monotonic seconds at which the file was first seen like this


@dataclass
class Inbox:
    """One watched folder. ``settle_seconds``: a file unchanged for so long has stopped growing.

    ``scratch``: the folder in which the names of a large one are sorted; None: where temporary files go.
    """

    folder: Path
    settle_seconds: float = 3.0
    request: Request = field(default_factory=lambda: Request(source="inbox"))
    scratch: Path | None = None
    _unreadable: set[str] = field(default_factory=set, init=False)
    _fixed: dict[str, str] = field(default_factory=dict, init=False)  # files of folders that may not be written: why
    _unmoved: dict[str, tuple[Path, str]] = field(default_factory=dict, init=False)  # recorded: its place, why it stays
    _reasons: int = field(default=0, init=False)
    _ready: list[str] = field(default_factory=list, init=False)  # batches that nobody was told of yet
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

    @property
    def reasons(self) -> int:
        """How many ``.reason.txt`` of earlier rejections lay in it at the last look, put there beside their files."""
        return self._reasons

    @property
    def stuck(self) -> str:
        """How many files could not be moved out of it at the last look, where the first lies, and why; "" for none."""
        why = {path: words for path, (_, words) in self._unmoved.items()} | self._fixed
        if not why:
            return ""
        path, words = next(iter(why.items()))
        folder = str(Path(path).parent.relative_to(self.folder))
        where = "the inbox itself" if folder == "." else f"its folder {printable(shown(folder))}"
        return f"files that cannot be moved out of the inbox: {len(why)}, the first of them in {where} ({words})"

    def empty(self) -> bool:
        """Whether it holds nothing to take now or later. Raises PassingFault when it does not answer."""
        return next(self._files(), None) is None

    def _files(self) -> Iterator[tuple[str, Stamp]]:
        """The files in the inbox, in natural order.

        Without those already processed or rejected, those in hidden folders (wastebaskets), and those that a copying
        program has still to rename (rsync hides them behind a dot, or in a folder behind one). Raises PassingFault when
        the inbox itself does not answer.
        """
        self._unreadable.clear()
        self._fixed.clear()
        self._reasons = 0
        with answering():
            if not stat.S_ISDIR(self.folder.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            for found in Collection([str(self.folder)], without=(PROCESSED, REJECTED), scratch=self.scratch):
                path = to_path(found.location)
                if any(part.startswith(".") for part in Path(path).relative_to(self.folder).parts):
                    continue
                if found.problem:
                    if path == str(self.folder):
                        raise PassingFault(f"the inbox: {found.problem}")
                    self._unreadable.add(path)
                elif not path.casefold().endswith(UNFINISHED_SUFFIXES):
                    state = self._state(path)
                    if state and _is_reason(path, state):
                        self._reasons += 1
                    elif state and path not in self._unmoved:
                        yield path, (state.st_size, state.st_mtime_ns)

    def _state(self, path: str) -> os.stat_result | None:
        """What the system says of a file that may be taken out of its folder; None for one that may not, or is gone."""
        folder = Path(path).parent
        with suppress(FileNotFoundError, NotADirectoryError):
            try:
                state = os.lstat(path)
            except OSError as error:
                if error.errno not in _UNREADABLE:
                    raise
                self._unreadable.add(str(folder))
                return None
            if os.access(folder, os.W_OK):
                return state
            self._fixed[path] = "its folder may not be written"
        return None

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

        Returns the ids of the batches whose chunks may now be sent. What cannot be moved holds up its own batch alone:
        ``stuck`` tells of it. Raises PassingFault when nothing can be taken now.
        """
        self._unmoved.clear()
        inbox = self.request.inbox or ""
        with database.read() as session:
            known = batches_of(session, inbox)
            unmoved = unmoved_batches(session, inbox)
        for batch_id in unmoved:
            self._move(database, batch_id)
        if settled := self.settled():
            with Decoder() as decoder, suppress(NothingToScreen):  # the watcher outlives what the decoder does not
                examined = self._examined(settled, decoder)
                confirm = partial(refuse_others, inbox=inbox, known=known)
                self._move(database, take_in(database, settings, self.request, examined, confirm=confirm))
        ready, self._ready = self._ready, []
        return ready

    def _examined(self, paths: list[str], decoder: Decoder) -> Iterator[Received]:
        """Decoded whole, so that what is broken goes to rejected/ at once."""
        places = Places(self.folder, (place for place, _ in self._unmoved.values()))
        for path in paths:
            found = Found(to_location(path), to_location(path), root=to_location(str(self.folder)))
            received = examine(found, check=decoder.check, attended=False)
            if received.reason == GONE:
                continue  # a file that was never read was never received: somebody took it away, or another watcher
            place = places.free(Path(path), REJECTED if received.reason else PROCESSED)
            yield replace(received, location=to_location(str(place)))

    def _move(self, database: Database, batch_id: str) -> None:
        """Move the files of a batch; it is ready when all are where they belong."""
        with answering():
            self.folder.stat()
        with database.read() as session:
            planned = moves(session, batch_id)
        whole = True
        for move in planned:
            if why := self._move_one(move):
                self._unmoved[to_path(move.source)] = (Path(to_path(move.target)), why)
                whole = False
        if whole:
            with database.write() as session:
                mark_moved(session, batch_id)
            self._ready.append(batch_id)

    def _move_one(self, move: Move) -> str:
        return move_out(self.folder, move)


def _is_reason(path: str, state: os.stat_result) -> bool:
    """Whether it is what `scheduler.moving_out` wrote beside a rejected file, moved back together with that."""
    return path.endswith(REASON_SUFFIX) and stat.S_ISREG(state.st_mode) and state.st_size <= LONGEST_REASON_BYTES
