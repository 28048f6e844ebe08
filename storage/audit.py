"""The hash chain of audit events: appended last in the transaction of the change that it records.

h = SHA-256(domain || seq || previous || SHA-256(stored text)). The stored text is canonical JSON (RFC 8785
for the values used: strings and integers) and is never serialised again for checking.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import insert, select, text, true
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from storage.clock import db_now
from storage.schema import AuditEvent

DOMAIN = b"dermscreen audit 1\n"
GENESIS = "0" * 64
# any constant will do; this one keeps our lock apart from other users of the same PostgreSQL
ADVISORY_LOCK = 0x6465726D73637265
PAGE = 5_000


@dataclass(frozen=True)
class Event:
    """Something that changed: its name, the batch it belongs to, and facts. Values are text, integers or None."""

    event: str
    batch_id: str | None
    facts: dict[str, str | int | None]


def lock(session: Session) -> None:
    """Wait for the other writers of the chain and keep them waiting until the commit. SQLite has one writer anyhow."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})


def append(session: Session, events: Iterable[Event]) -> None:
    """Append events to the chain. Call it last: from here to the commit every other writer waits."""
    pending = list(events)
    if not pending:
        return
    lock(session)
    last = session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    at = session.execute(select(db_now())).scalar_one()
    rows = []
    for item in pending:
        seq += 1
        facts = {key: value for key, value in item.facts.items() if value is not None}
        body = canonical({"at": at.isoformat(), "batch": item.batch_id or "", "event": item.event, **facts})
        link = link_hash(seq, previous, body)
        rows.append(
            {
                "seq": seq, "at": at, "event": item.event, "batch_id": item.batch_id,
                "body": body, "previous": previous, "hash": link,
            }
        )  # fmt: skip
        previous = link
    session.execute(insert(AuditEvent), rows)


def canonical(value: dict[str, str | int]) -> str:
    """Canonical JSON text of strings and integers (RFC 8785)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link_hash(seq: int, previous: str, body: str) -> str:
    """The hash of one link, 64 hexadecimal digits."""
    inner = hashlib.sha256(body.encode()).digest()
    return hashlib.sha256(DOMAIN + str(seq).encode() + b"\n" + bytes.fromhex(previous) + inner).hexdigest()


def verify(session: Session) -> int:
    """Walk the whole chain and return its length.

    Raises ProofBroken naming the first event that does not hold: changed, missing, inserted or out of order.
    """
    previous, expected = GENESIS, 1
    while True:
        page = session.execute(
            select(AuditEvent.seq, AuditEvent.at, AuditEvent.event, AuditEvent.batch_id, AuditEvent.body,
                   AuditEvent.previous, AuditEvent.hash)
            # the first page begins wherever the table does: an event may have been put before the first
            .where(AuditEvent.seq >= expected if expected > 1 else true()).order_by(AuditEvent.seq).limit(PAGE)
        ).all()  # fmt: skip
        if not page:
            return expected - 1
        for row in page:
            if row.seq < expected:
                raise ProofBroken(f"audit event {row.seq} was inserted: the first one is {expected}")
            if row.seq != expected:
                raise ProofBroken(f"audit event {expected} is missing: the next one is {row.seq}")
            if row.previous != previous:
                raise ProofBroken(f"audit event {row.seq} does not follow the one before it: inserted or replaced")
            if link_hash(row.seq, previous, row.body) != row.hash:
                raise ProofBroken(f"audit event {row.seq} was changed after it was written")
            body = json.loads(row.body)
            columns = row.event, row.batch_id, row.at.isoformat()
            if (body["event"], body["batch"] or None, body["at"]) != columns:
                raise ProofBroken(f"audit event {row.seq}: its columns disagree with the text that was hashed")
            previous, expected = row.hash, expected + 1
