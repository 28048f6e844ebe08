"""The hash chain of audit events: appended last in the transaction of the change that it records.

The stored text is canonical JSON (RFC 8785) and is never serialised again for checking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.audit.canonical import canonical
from storage.audit.link import GENESIS, link_hash
from storage.audit.origin import origin
from storage.bulk import for_driver, insert_rows
from storage.clock import db_now
from storage.schema import AuditEvent

# any constant will do; this one keeps our lock apart from other users of the same PostgreSQL
ADVISORY_LOCK = 0x6465726D73637265

Text = tuple[str, str | None, str]  # an event's name, its batch, its text


@dataclass(frozen=True)
class Event:
    """Something that changed: its name, the batch it belongs to, and facts. Values are text, integers or None.

    ``actor`` among the facts is who ordered it, where somebody said so. Nothing of a patient is a fact, nor the name of
    a file: the chain can never be cleaned. A salted digest stands for them (`storage.audit.names`).
    """

    event: str
    batch_id: str | None
    facts: dict[str, str | int | None]


def lock(session: Session) -> None:
    """Wait for the other writers of the chain and keep them waiting until the commit. SQLite has one writer anyhow."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def append(session: Session, events: Iterable[Event]) -> None:
    """Append events to the chain. Call it last: from here to the commit every other writer waits."""
    if pending := list(events):
        append_texts(session, lambda at: [(item.event, item.batch_id, body(item, at)) for item in pending])


def append_texts(session: Session, texts: Callable[[str], Iterable[Text]]) -> None:
    """Append events whose texts are made elsewhere, from the time that they state: see `append`."""
    lock(session)
    last = session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    at = session.execute(select(db_now())).scalar_one()
    stored_at = for_driver(session, at)
    rows = []
    for event, batch_id, said in texts(at.isoformat()):
        seq += 1
        link = link_hash(seq, previous, said)
        rows.append((seq, stored_at, event, batch_id, said, previous, link))
        previous = link
    insert_rows(session, AuditEvent, ("seq", "at", "event", "batch_id", "body", "previous", "hash"), rows)


def body(item: Event, at: str) -> str:
    """The text of an event that is hashed: where it comes from, when, and its facts."""
    facts = {key: value for key, value in item.facts.items() if value is not None}
    stated = facts.get("actor")
    whose = origin() if stated is None else origin(str(stated))
    return canonical(whose | {"at": at, "batch": item.batch_id or "", "event": item.event} | facts)
