"""The end of a batch."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from storage import audit
from storage.clock import db_now
from storage.counts import counts
from storage.schema import Batch, Chunk, Image
from storage.states import UNFINISHED, UNFINISHED_CHUNKS, BatchState


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
    # Chunks are asked first, one for 64 images. PostgreSQL takes "one of many rows" for found at once and reads the
    # table from its start, where the finished images of a large batch lie.
    unfinished_chunk = exists().where(Chunk.batch_id == batch_id, Chunk.state.in_(UNFINISHED_CHUNKS))
    unfinished = exists().where(Image.batch_id == batch_id, Image.state.in_(UNFINISHED))
    if session.scalar(select(unfinished_chunk)) or session.scalar(select(unfinished)):
        return False
    batch.state = BatchState.COMPLETE
    batch.closed_at = session.execute(select(db_now())).scalar_one()
    session.flush()
    total = counts(session, batch_id).as_json()
    facts: dict[str, str | int | None] = {key: total[key] for key in total if key not in ("batch", "state", "seconds")}
    audit.append(session, [audit.Event("batch.completed", batch_id, facts)])
    return True
