"""Where the chain ends. Printed in reports: whoever kept one can show later that the chain was cut off or changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.audit.link import GENESIS
from storage.clock import db_now
from storage.schema import AuditEvent


@dataclass(frozen=True)
class Head:
    """The number of events, the hashes of the last and of the first one, and when that was, by the database's clock."""

    size: int
    hash: str
    origin: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.size}:{self.hash}"


def head_of(session: Session) -> Head:
    """The chain's end as a transaction sees it; size 0 when there is no event."""
    last = session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    first = session.scalar(select(AuditEvent.hash).order_by(AuditEvent.seq).limit(1))
    now = session.execute(select(db_now())).scalar_one()
    return Head(last.seq, last.hash, first or GENESIS, now) if last else Head(0, GENESIS, GENESIS, now)


def hash_at(session: Session, size: int) -> str | None:
    """The head of a chain when it had so many events; none when it has fewer."""
    return session.scalar(select(AuditEvent.hash).where(AuditEvent.seq == size))
