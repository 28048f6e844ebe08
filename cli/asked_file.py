"""Files that people ask for by an option: looked at before the work begins, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import UsageFault
from models.whole_file import whole_binary_file, whole_file


def expect_writable(path: Path | None, what: str) -> None:
    """Before work that takes minutes or hours: can ``what`` be written there? None: it was not asked for.

    Raises UsageFault. Nothing is made.
    """
    if path is None:
        return
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise UsageFault(f"{what} cannot be written to {path}: expected a file, received a folder or a device")
        folder = next(parent for parent in target.parents if parent.exists())
    except OSError as error:
        raise UsageFault(f"{what} cannot be written to {path}: {error.strerror}") from error
    if not folder.is_dir():
        raise UsageFault(f"{what} cannot be written to {path}: {folder} is no folder; name another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageFault(f"{what} cannot be written to {path}: nothing may be written in {folder}; name another place")


def expect_page(path: Path | None, what: str) -> None:
    """`expect_writable` of an HTML page, which is not written under a name that promises numbers for programs."""
    if path is not None and path.suffix.lower() in (".json", ".csv"):
        raise UsageFault(
            f"--output writes {what} as an HTML page: expected a name such as {path.with_suffix('.html').name}, "
            f"received {path.name}; for programs, --json prints one object"
        )
    expect_writable(path, what)


@contextmanager
def asked_file(path: Path, what: str) -> Iterator[IO[str]]:
    """A text file that is whole or not there; a link is followed. Raises UsageFault when it cannot be written."""
    with _written(path, what), whole_file(path.resolve()) as file:
        yield file


@contextmanager
def asked_binary_file(path: Path, what: str) -> Iterator[IO[bytes]]:
    """A file of bytes, as `asked_file`."""
    with _written(path, what), whole_binary_file(path.resolve()) as file:
        yield file


@contextmanager
def _written(path: Path, what: str) -> Iterator[None]:
    expect_writable(path, what)
    try:
        yield
    except OSError as error:
        raise UsageFault(f"{what} cannot be written to {path}, nothing was: {error.strerror or error}") from error
