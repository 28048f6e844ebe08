"""The checkpoints of a data folder: one file that is only ever appended to, outside the database."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from models.errors import PassingFault, ProofBroken, UsageFault
from models.whole_file import sync
from storage.audit.standalone import Broken, Line, order, parse
from storage.database import parsed, url_of
from storage.settings import Settings

PATIENCE_SECONDS = 20.0  # for another process that writes a checkpoint; then the next one makes up for ours
_TAIL_BYTES = 65_536  # a line has about 500


def database_id(settings: Settings) -> str:
    """What the checkpoints of a database are named by: not its content, so that they outlive an exchanged file.

    16 hexadecimal digits of its URL's SHA-256, without user and password; that in the data folder is "embedded",
    wherever the folder lies. Raises UsageFault for a URL that is none.
    """
    if settings.embedded_database:
        return "embedded"
    url = parsed(url_of(settings))
    where = url.query.get("host", ""), url.query.get("port", "")
    place = (url.get_backend_name(), url.host or where[0], str(url.port or where[1] or ""), url.database or "")
    return hashlib.sha256("\n".join(map(str, place)).encode()).hexdigest()[:16]


def log_path(settings: Settings) -> Path:
    """The file of checkpoints."""
    return settings.audit_folder / f"checkpoints-{database_id(settings)}.jsonl"


def read_log(path: Path) -> list[Line]:
    """All lines of a file, in order; one that was not written to its end is passed over.

    Raises ProofBroken when lines were changed, removed or swapped; OSError.
    """
    lines = _lines(path.read_bytes())
    try:
        parsed = [parse(line) for line in lines]
        order(parsed)
        for before, line in pairwise(parsed):
            if line.previous != before.digest:
                raise Broken(f"{line} does not follow the one before it: lines were swapped")
    except Broken as broken:
        raise ProofBroken(f"the checkpoints in {path} do not hold: {broken}") from broken
    return parsed


def last_line(path: Path) -> Line | None:
    """The last whole line of a file, None when there is none. Raises ProofBroken, UsageFault."""
    try:
        with path.open("rb") as file:
            return _last(file.fileno(), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageFault(f"the checkpoints {path} cannot be read: {error.strerror}") from error


class OpenLog:
    """The file under its lock."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self.path = descriptor, path
        self.last = _last(descriptor, path)

    @property
    def id(self) -> str:
        """The SHA-256 of the first line: events that name a key say by it which checkpoints it signs."""
        return parse(_lines(os.pread(self._descriptor, _TAIL_BYTES, 0))[0]).digest

    def append(self, text: str) -> Line:
        """Append a line; it is on the disk, or nothing of it is. Raises OSError."""
        data = text.encode() + b"\n"
        whole = _whole_bytes(self._descriptor)
        os.ftruncate(self._descriptor, whole)  # what a crash or a full disk left of a line
        try:
            if os.write(self._descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, whole)
            raise
        self.last = parse(text)
        return self.last


@contextmanager
def open_log(settings: Settings) -> Iterator[OpenLog]:
    """The file, made if it is not there, for one process at a time. Raises PassingFault, ProofBroken, OSError."""
    path = log_path(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _lock(descriptor)
        if new:
            sync(path.parent)
        yield OpenLog(descriptor, path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise PassingFault("another process holds the file of checkpoints") from None
            time.sleep(0.02)


def _lines(data: bytes) -> list[str]:
    return [line.decode("utf-8", "replace") for line in data.split(b"\n")[:-1]]


def _whole_bytes(descriptor: int) -> int:
    """Where the last line feed stands."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _TAIL_BYTES)
    return start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1


def _last(descriptor: int, path: Path) -> Line | None:
    end = _whole_bytes(descriptor)
    start = max(0, end - _TAIL_BYTES)
    lines = _lines(os.pread(descriptor, end - start, start))
    try:
        return parse(lines[-1]) if lines else None
    except Broken as broken:
        raise ProofBroken(f"the checkpoints in {path} do not hold: {broken}") from broken
