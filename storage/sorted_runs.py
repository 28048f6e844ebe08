"""Sorting more than fits into memory: sorted runs, kept in nameless files and merged."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar

from models.errors import PassingFault
from storage.paging import pages

T = TypeVar("T")


def keep(file: IO[str], line: str, what: str) -> None:
    """Write a line to a nameless file. Raises PassingFault, which names ``what``, when the disk does not take it."""
    try:
        file.write(line)
    except OSError as error:
        raise PassingFault(f"{what} cannot be kept on disk: {error.strerror}") from error


@contextmanager
def in_order(
    items: Iterable[T], key: Callable[[T], Any], run: int, scratch: Path | None = None, what: str = "what is sorted"
) -> Iterator[Iterator[T]]:
    """The items in the order of a key, for the time of the block; at most ``run`` of them are in memory at once.

    ``items`` are read at once; they are lists or tuples of what JSON holds, and come back as either. Runs of them lie
    in the folder ``scratch`` (default: where temporary files go). Raises PassingFault, which names ``what``, when they
    cannot be kept there.
    """
    with ExitStack() as files:
        runs: list[Iterable[T]] = []
        for part in pages(items, run):
            part.sort(key=key)
            if len(part) < run:
                runs.append(part)  # the last one; often the only one
                continue
            try:
                file = files.enter_context(TemporaryFile("w+", encoding="ascii", dir=scratch))
                file.writelines(f"{json.dumps(item)}\n" for item in part)  # escapes what is not UTF-8, and line ends
                file.seek(0)
            except OSError as error:
                raise PassingFault(f"{what} cannot be kept on disk: {error.strerror}") from error
            runs.append(map(json.loads, file))
        yield heapq.merge(*runs, key=key)
