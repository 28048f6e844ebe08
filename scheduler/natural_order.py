"""The order in which people count: 2.jpg before 10.jpg."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from storage.sorted_runs import in_order

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


def naturally_sorted(entries: Iterable[Entry], scratch: Path | None = None) -> AbstractContextManager[Iterator[Entry]]:
    """The entries of a folder in natural order, for the time of the block; in flat memory, however many they are.

    ``entries`` are read at once; see `storage.sorted_runs`. Raises PassingFault when they cannot be kept on disk.
    """
    return in_order(entries, _key, RUN, scratch, "the list of files")
