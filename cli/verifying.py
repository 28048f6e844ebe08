"""What `screen audit verify` does, for the database and for an exported file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from models.errors import ProofBroken, UsageFault
from storage import audit
from storage.audit.checking import Lines, check_checkpoints, further_lines
from storage.audit.standalone import Broken, Found, noted_head, public_key, verify_export
from storage.migrate import open_database
from storage.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What the proof is held against besides what the site keeps itself."""

    checkpoints: tuple[str, ...]
    keys: tuple[str, ...]
    heads: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, checkpoints: Sequence[str], keys: Sequence[str], heads: Sequence[str]) -> Wanted:
        """As given on the command line. Raises UsageFault."""
        return cls(
            tuple(checkpoints),
            tuple(_read(public_key, key, "--key", "a public key, 64 hexadecimal digits") for key in keys),
            tuple(_read(noted_head, head, "--head", "SIZE:HASH as a report prints it") for head in heads),
        )


def verify_database(settings: Settings, wanted: Wanted) -> dict[str, Any]:
    """Check the site's own chain, while it goes on growing. Raises ProofBroken, UsageFault, PassingFault."""
    with closing(open_database(settings)) as database:
        lines = Lines.read(settings, wanted.checkpoints)  # first: one written later is of events that are not looked at
        with database.snapshot() as session:
            length = audit.verify(session)
            found = check_checkpoints(session, settings, lines, wanted.keys, wanted.heads)
    return _told(length, found)


def verify_file(export: Path, settings: Settings, wanted: Wanted) -> dict[str, Any]:
    """Check an exported trail; the site's database plays no part. Raises ProofBroken, UsageFault."""
    others = [line for place in wanted.checkpoints for line in further_lines(place, settings)]
    try:
        chain, found = verify_export(export, others, wanted.keys, wanted.heads)
    except Broken as broken:
        raise ProofBroken(str(broken)) from broken
    except OSError as error:
        raise UsageFault(f"the export {export} cannot be read: {error.strerror}") from error
    return _told(chain.length, found)


def _told(length: int, found: Found) -> dict[str, Any]:
    return {
        "events": length, "checkpoints": found.checkpoints, "covered": found.covered, "keys": found.keys,
        "notes": found.notes,
    }  # fmt: skip


def _read(reader: Callable[[str], T], given: str, option: str, expected: str) -> T:
    try:
        return reader(given)
    except ValueError:
        raise UsageFault(f"{option}: expected {expected}, received {given!r}") from None
