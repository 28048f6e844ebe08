"""Walking the chain from its first event to its last."""

from __future__ import annotations

import json

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from storage.audit.link import GENESIS, link_hash
from storage.schema import AuditEvent

PAGE = 5_000


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
