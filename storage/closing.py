"""The end of a batch."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from storage import audit
from storage.clock import db_now
from storage.counts import counts
from storage.database import want_checkpoint
from storage.schema import Batch, Chunk, Image
from storage.states import UNFINISHED, BatchState, ChunkState


def close_if_done(session: Session, batch_id: str) -> bool:
    """Close the batch when every image is terminal. Its last two chunks may end at once: the row lock decides."""
    batch = session.scalars(
        select(Batch)
        .where(Batch.id == batch_id)
        # key_share: whoever inserts a row that refers to the batch does not wait for us; else two completing
        # chunks wait for each other, one here and one for the lock of the audit chain (deadlock, seen)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if batch.state == BatchState.COMPLETE:
        return False
    if _has_chunk(session, batch_id, ChunkState.WAITING) or _has_chunk(session, batch_id, ChunkState.RUNNING):
        return False
    unfinished = exists().where(Image.batch_id == batch_id, Image.state.in_(UNFINISHED))
    if session.scalar(select(unfinished)):
        return False
    batch.state = BatchState.COMPLETE
    batch.closed_at = session.execute(select(db_now())).scalar_one()
    session.flush()
    total = counts(session, batch_id).as_json()
    facts: dict[str, str | int | None] = {key: total[key] for key in total if key not in ("batch", "state", "seconds")}
    audit.append(session, [audit.Event("batch.completed", batch_id, facts)])
    want_checkpoint(session)
    return True


def _has_chunk(session: Session, batch_id: str, state: ChunkState) -> bool:
    """Whether the batch has a chunk in a state.

    Asked before the images, since it is asked at the end of every chunk: PostgreSQL expects one of many unfinished
    images to be found at once and reads their table from its start, where those of a large batch are finished (132 ms
    behind 120,000). The order is that of the index, so that it is used here.
    """
    first = select(Chunk.id).where(Chunk.batch_id == batch_id, Chunk.state == state).order_by(Chunk.sent_at).limit(1)
    return session.scalar(first) is not None
