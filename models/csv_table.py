"""Tables that people hand in: CSV as spreadsheets write it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import UsageFault


@contextmanager
def table(path: Path, what: str) -> Iterator[tuple[csv.DictReader[str], list[str]]]:
    """The lines of a CSV by column, for the time of the block, and the columns as they stand there.

    UTF-8, with or without a byte order mark; separated by commas, or by semicolons or tabs as some spreadsheets do,
    with or without a blank behind them. The columns of the lines are in small letters, without blanks around them.
    Raises UsageFault, which names ``what``, when it cannot be read, also in the block.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            separator = next((mark for mark in ",;\t" if mark in head), ",")
            reader = csv.DictReader(file, delimiter=separator, skipinitialspace=True)
            received = list(reader.fieldnames or [])
            reader.fieldnames = [name.strip().casefold() for name in received]
            yield reader, received
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageFault(f"{what} cannot be read (expected CSV in UTF-8): {why}") from error
