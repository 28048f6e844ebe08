"""Walking the chain from its first event to its last, and comparing what it tells with what the tables say."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from storage.audit.batch_weights import BatchWeights
from storage.audit.image_rows import ImageRows
from storage.audit.link import GENESIS, link_hash
from storage.audit.other_rows import OtherRows
from storage.schema import AuditEvent

PAGE = 5_000

Body = dict[str, str | int]


def verify(session: Session) -> int:
    """Check the whole chain and the rows that it tells of; return its length.

    Raises ProofBroken naming the first event that does not hold (changed, missing, inserted or out of order), or the
    row that disagrees with its event, or the image that was scored with other weights than its batch was handed in for.
    """
    length = 0
    images, others, weights = ImageRows(session), OtherRows(), BatchWeights()
    for seq, body in walk(session):
        images.take(seq, body)
        others.take(seq, body)
        weights.take(seq, body)
        length = seq
    others.check(session)
    images.check()
    return length


def walk(session: Session) -> Iterator[tuple[int, Body]]:
    """The events in order, each checked against the one before it. Raises ProofBroken."""
    previous, expected = GENESIS, 1
    while True:
        page = session.execute(
            select(AuditEvent.seq, AuditEvent.at, AuditEvent.event, AuditEvent.batch_id, AuditEvent.body,
                   AuditEvent.previous, AuditEvent.hash)
            # the first page begins wherever the table does: an event may have been put before the first
            .where(AuditEvent.seq >= expected if expected > 1 else true()).order_by(AuditEvent.seq).limit(PAGE)
        ).all()  # fmt: skip
        if not page:
            return
        for row in page:
            if row.seq < expected:
                raise ProofBroken(f"audit event {row.seq} was inserted: the first one is {expected}")
            if row.seq != expected:
                raise ProofBroken(f"audit event {expected} is missing: the next one is {row.seq}")
            if row.previous != previous:
                raise ProofBroken(f"audit event {row.seq} does not follow the one before it: inserted or replaced")
            if link_hash(row.seq, previous, row.body) != row.hash:
                raise ProofBroken(f"audit event {row.seq} was changed after it was written")
            body: Body = json.loads(row.body)
            columns = row.event, row.batch_id, row.at.isoformat()
            if (body["event"], body["batch"] or None, body["at"]) != columns:
                raise ProofBroken(f"audit event {row.seq}: its columns disagree with the text that was hashed")
            yield row.seq, body
            previous, expected = row.hash, expected + 1
