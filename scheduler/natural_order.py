"""The order in which people count: 2.jpg before 10.jpg."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from models.errors import PassingFault
from storage.paging import pages

_DIGITS = re.compile(r"([0-9]+)")
RUN = 20_000  # entries that are sorted in memory (about 15 MB); more wait in sorted runs on disk

Entry = tuple[str, bool]  # name, whether it is a folder


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: numbers by value, text without regard to case; the text itself breaks ties."""
    parts = _DIGITS.split(name.casefold())
    key = tuple((0, int(part), "") if index % 2 else (1, 0, part) for index, part in enumerate(parts))
    return (*key, (-1, 0, name))


def _key(entry: Entry) -> tuple[tuple[int, int, str], ...]:
    return natural_key(entry[0])


@contextmanager
def naturally_sorted(entries: Iterable[Entry], scratch: Path | None = None) -> Iterator[Iterator[Entry]]:
    """The entries of a folder in natural order, for the time of the block; in flat memory, however many they are.

    ``entries`` are read at once. Runs of them are sorted, kept in nameless files in the folder ``scratch`` (default:
    where temporary files go) and merged. Raises PassingFault when they cannot be kept there.
    """
    with ExitStack() as files:
        runs: list[Iterable[Entry]] = []
        for run in pages(entries, RUN):
            run.sort(key=_key)
            if len(run) < RUN:
                runs.append(run)  # the last one; of a usual folder the only one
                continue
            try:
                file = files.enter_context(TemporaryFile("w+", encoding="ascii", dir=scratch))
                file.writelines(f"{json.dumps(entry)}\n" for entry in run)  # escapes what is not UTF-8, and line ends
                file.seek(0)
            except OSError as error:
                raise PassingFault(f"the list of files cannot be kept on disk: {error.strerror}") from error
            runs.append(map(json.loads, file))
        yield heapq.merge(*runs, key=_key)
