"""Another try for what failed, after its cause was repaired."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.errors import UsageFault
from storage import audit
from storage.batch_writer import CHUNK_IMAGES, new_chunk
from storage.paging import pages
from storage.schema import Batch, Image
from storage.states import BatchState, ImageState


@dataclass(frozen=True)
class Retried:
    """How many failed images wait again, and in how many chunks."""

    images: int
    chunks: int


def retry_failed(session: Session, batch_id: str, actor: str) -> Retried:
    """Put the failed images of a batch into fresh chunks, whose faults are counted from zero.

    The batch is open again until they are terminal, and a report that was written of it is due again. What was
    rejected stays rejected. An audit event says who did this; where nothing failed, nothing changes.
    Raises UsageFault when there is no such batch.
    """
    audit.lock(session)  # of two calls at once the second finds nothing failed; first, as completing a chunk has it
    batch = session.scalars(select(Batch).where(Batch.id == batch_id).with_for_update(key_share=True)).one_or_none()
    if batch is None:
        raise UsageFault(f"there is no batch {batch_id!r}; `screen status` lists them")
    failed = session.scalars(
        select(Image.id).where(Image.batch_id == batch_id, Image.state == ImageState.FAILED).order_by(Image.position)
    ).all()
    chunks = 0
    if failed:
        facts: dict[str, str | int | None] = {"actor": actor, "images": len(failed)}
        audit.append(session, [audit.Event("batch.retried", batch_id, facts)])
    for group in pages(failed, CHUNK_IMAGES):
        chunk_id = new_chunk(session, batch_id)
        waiting = {"state": ImageState.WAITING, "reason": None, "chunk_id": chunk_id}
        session.execute(
            update(Image).where(Image.id.in_(group)).values(waiting), execution_options={"synchronize_session": False}
        )
        retried = [audit.Event("image.retried", batch_id, {"image": number, "chunk": chunk_id}) for number in group]
        audit.append(session, retried)
        chunks += 1
    if failed:
        batch.state, batch.closed_at, batch.exported_at = BatchState.OPEN, None, None
        session.flush()
    return Retried(len(failed), chunks)
