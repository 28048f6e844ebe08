"""The file of a backup: one format for both databases, checked before anything is believed.

Gzip over lines of JSON: a header, then for each table a line with its columns and a line for each row, then a last line
with the number of rows of each table and the SHA-256 of all lines above it. Times are UTC in ISO 8601.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from models.errors import ProofBroken, UsageFault

FORMAT = 1
_READ_BYTES = 1 << 20

Row = list[Any]


@dataclass(frozen=True)
class Header:
    """What a backup is of."""

    schema: str  # revision of the tables
    software: str  # version of dermscreen that wrote it
    taken_at: str  # by the database's clock
    database: str  # sqlite or postgresql


@dataclass(frozen=True)
class Backup:
    """A backup file that is whole. ``sha256`` is that of the file, as `sha256sum` prints it."""

    header: Header
    rows: dict[str, int]  # of each table
    sha256: str


@dataclass(frozen=True)
class Table:
    """The columns of a table; the values of ``moments`` are times."""

    name: str
    columns: list[str]
    moments: list[str]


class Writer:
    """Writes a backup into an opened file; ``finish`` says what was written."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file = _Hashed(file)
        self._packed = gzip.GzipFile(filename="", fileobj=self._file, mode="wb", compresslevel=6, mtime=0)
        self._content = hashlib.sha256()
        self._header, self._rows = header, dict[str, int]()
        self._line({"dermscreen_backup": FORMAT, **header.__dict__})

    def table(self, table: Table, rows: Iterable[Iterable[Any]]) -> None:
        """Write a table; times as datetime with their zone."""
        self._line({"table": table.name, "columns": table.columns, "moments": table.moments})
        number = 0
        for row in rows:
            self._line([value.isoformat() if isinstance(value, datetime) else value for value in row])
            number += 1
        self._rows[table.name] = number

    def finish(self) -> Backup:
        self._line({"rows": self._rows, "sha256": self._content.hexdigest()})
        self._packed.close()
        return Backup(self._header, self._rows, self._file.sha256.hexdigest())

    def _line(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._content.update(line)
        self._packed.write(line)


class _Hashed:
    """A file whose bytes are hashed on their way to the disk."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def check(path: Path, file: IO[bytes]) -> Backup:
    """Read a backup from its first byte to its last.

    Raises UsageFault when the file is no backup, ProofBroken when it is damaged or cut short.
    """
    rows: dict[str, int] = {}
    name = ""

    def begin(table: Table) -> Callable[[Row], None]:
        nonlocal name
        name = table.name
        rows[name] = 0
        return count

    def count(_: Row) -> None:
        rows[name] += 1

    header, told = read(path, file, begin)
    if told != rows:
        raise _damaged(path, "the number of its rows is not the one that it names")
    file.seek(0)
    whole = hashlib.sha256()
    while part := file.read(_READ_BYTES):
        whole.update(part)
    return Backup(header, rows, whole.hexdigest())


def read(path: Path, file: IO[bytes], begin: Callable[[Table], Callable[[Row], None]]) -> tuple[Header, dict[str, int]]:
    """Walk through a backup: ``begin`` is called with each table and returns what takes its rows.

    Returns the header and the number of rows that the last line names, once its checksum was found right.
    Raises as `check`.
    """
    file.seek(0)
    if file.read(2) != b"\x1f\x8b":
        raise UsageFault(f"{path} is no backup: expected a file that `screen db backup` wrote")
    file.seek(0)
    content = hashlib.sha256()
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as packed:
            lines = _lines(packed)
            line = next(lines, b"{}")
            header = _header(path, json.loads(line))
            take: Callable[[Row], None] | None = None
            while True:
                content.update(line)
                line = next(lines)
                value = json.loads(line)
                if isinstance(value, list):
                    if take is None:
                        raise _damaged(path, "a row stands before the first table")
                    take(value)
                elif "table" in value:
                    take = begin(Table(value["table"], value["columns"], value["moments"]))
                else:
                    break
            if value["sha256"] != content.hexdigest() or next(lines, None) is not None:
                raise _damaged(path, "its content is not that of its SHA-256")
            return header, value["rows"]
    except StopIteration:
        raise _damaged(path, "it ends too early") from None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            raise
        raise _damaged(path, "it cannot be unpacked to its end") from error


def _lines(packed: gzip.GzipFile) -> Iterator[bytes]:
    yield from packed


def _header(path: Path, value: Any) -> Header:
    found = value.get("dermscreen_backup") if isinstance(value, dict) else None
    if found is None:
        raise UsageFault(f"{path} is no backup: expected a file that `screen db backup` wrote")
    if found != FORMAT:
        raise UsageFault(
            f"{path} has backup format {found}, this release reads {FORMAT}: install the release that wrote it"
        )
    return Header(value["schema"], value["software"], value["taken_at"], value["database"])


def _damaged(path: Path, what: str) -> ProofBroken:
    return ProofBroken(f"the backup {path} is damaged: {what}; nothing was restored, take another copy of it")
