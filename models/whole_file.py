"""Files that are either there whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any


@contextmanager
def whole_file(path: Path) -> Iterator[IO[str]]:
    """A text file that takes its name only when everything is on the disk: temporary file, fsync, rename."""
    with _whole(path, "w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def whole_binary_file(path: Path) -> Iterator[IO[bytes]]:
    """A file of bytes that takes its name as that of `whole_file` does."""
    with _whole(path, "wb") as file:
        yield file


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes as `whole_file` writes text."""
    with _whole(path, "wb") as file:
        file.write(data)


def written_digest(file: IO[str]) -> str:
    """SHA-256 of what a `whole_file` holds so far. Taken before it gets its name: then others may take it away."""
    file.flush()
    with Path(file.name).open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


@contextmanager
def _whole(path: Path, mode: str, encoding: str | None = None, newline: str | None = None) -> Iterator[IO[Any]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        mode, encoding=encoding, newline=newline, dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        partial = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    sync(path.parent)  # the new name itself must survive a power cut


def put_in_place(made: Path, target: Path) -> None:
    """Give a file or a folder that is whole its name, once every byte of it is on the disk.

    Both lie on one file system. Raises OSError when a folder of that name is there and not empty.
    """
    for part in [made, *made.rglob("*")] if made.is_dir() else [made]:
        sync(part)
    made.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
