"""A report on its way out: to a file or to stdout, and onto the audit trail with its SHA-256."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

from cli.streams import ReaderGone, reader_gone

if TYPE_CHECKING:
    from storage.database import Database

    Trail = dict[str, str | int]  # the size and head of the audit chain, and the key of its checkpoints

Write = Callable[[IO[str]], int]


@dataclass
class Sent:
    """What has left. rows: -1 where the reader broke off before the end.

    batches: those that it is about. trail: the end of the audit chain that the report prints.
    """

    batches: Sequence[str] = ()
    trail: Trail = field(default_factory=dict)
    rows: int = 0
    sha256: str | None = None

    def to_file(self, path: Path, write: Write) -> None:
        """Write a file whole or not at all. Raises UsageFault when it cannot be written."""
        from cli.asked_file import asked_file
        from models.whole_file import written_digest

        with asked_file(path, "the report") as file:
            rows = write(file)
            digest = written_digest(file)
        self.rows, self.sha256 = rows, digest

    def to_stdout(self, write: Write) -> None:
        """As UTF-8 with the line ends of a file, whatever the locale. Raises ReaderGone."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        file = _Summed(sys.stdout)
        self.rows = -1
        try:
            rows = write(file)
            file.flush()
            self.rows = rows
        finally:
            self.sha256 = file.sha256


@contextmanager
def recorded(database: Database, receiver: str | None, kind: str, format_: str) -> Iterator[Sent]:
    """Note on the audit trail what left, for each batch, also when the reader of stdout broke off."""
    from storage import audit
    from storage.database import want_checkpoint

    sent = Sent()
    try:
        yield sent
    finally:
        if sent.sha256 is not None:
            facts: dict[str, str | int | None] = {
                "sha256": sent.sha256, "rows": sent.rows, "format": format_, "kind": kind, "receiver": receiver,
            }  # fmt: skip
            facts |= {f"audit_{name}": value for name, value in sent.trail.items()}
            with database.write() as session:
                audit.append(session, [audit.Event("report.exported", batch, facts) for batch in sent.batches])
                want_checkpoint(session)


class _Summed(io.TextIOBase, TextIO):
    """Passes text on and adds up the digest of its UTF-8 bytes."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._sum = file, hashlib.sha256()

    def write(self, text: str) -> int:
        written = self._file.write(text)
        if reader_gone():
            raise ReaderGone
        self._sum.update(text.encode("utf-8", "surrogateescape"))
        return written

    def flush(self) -> None:
        self._file.flush()
        if reader_gone():
            raise ReaderGone

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()
