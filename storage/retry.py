"""Another try for what failed, after its cause was repaired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.errors import UsageFault
from storage import audit, copies
from storage.batch_writer import CHUNK_IMAGES, new_chunk
from storage.paging import pages
from storage.schema import Batch, Image
from storage.states import BatchState, ImageState

PAGE = 15 * CHUNK_IMAGES  # ids in memory at once


@dataclass(frozen=True)
class Retried:
    """How many images wait again, in how many chunks, and how many failed ones cannot since they were erased."""

    images: int
    chunks: int
    erased: int = 0
    copies: int = 0  # of erased ones, which are screened in their stead; among the images


def retry_failed(session: Session, batch_id: str, actor: str) -> Retried:
    """Put the failed images of a batch into fresh chunks, whose faults are counted from zero.

    The batch is open again until they are terminal, and a report that was written of it is due again. What was
    rejected stays rejected, and what was erased stays as it is; a copy of its bytes that was not is screened in its
    stead. An audit event says who did this; where nothing failed, nothing changes.
    Raises UsageFault when there is no such batch.
    """
    audit.lock(session)  # of two calls at once the second finds nothing failed; first, as completing a chunk has it
    batch = session.scalars(select(Batch).where(Batch.id == batch_id).with_for_update(key_share=True)).one_or_none()
    if batch is None:
        raise UsageFault(f"there is no batch {batch_id!r}; `screen status` lists them")
    of_batch = Image.batch_id == batch_id, Image.state == ImageState.FAILED
    number = select(func.count()).select_from(Image).where(*of_batch)
    erased = session.scalar(number.where(Image.erased_at.is_not(None))) or 0
    failed = session.scalar(number.where(Image.erased_at.is_(None))) or 0
    alone = copies.left_alone(session, batch_id)
    if not failed and not alone:
        return Retried(0, 0, erased)
    facts: dict[str, str | int | None] = {"actor": actor, "images": failed + len(alone)}
    audit.append(session, [audit.Event("batch.retried", batch_id, facts)])
    chunks = 0
    for group in pages(_failed(session, batch_id), CHUNK_IMAGES):
        chunk_id = new_chunk(session, batch_id)
        waiting = {"state": ImageState.WAITING, "reason": None, "chunk_id": chunk_id}
        session.execute(
            update(Image).where(Image.id.in_(group)).values(waiting), execution_options={"synchronize_session": False}
        )
        retried = [audit.Event("image.retried", batch_id, {"image": image, "chunk": chunk_id}) for image in group]
        audit.append(session, retried)
        chunks += 1
    instead = copies.stand_in(session, batch_id, alone)
    audit.append(session, instead)
    chunks += len({item.facts["chunk"] for item in instead})
    batch.state, batch.closed_at, batch.exported_at = BatchState.OPEN, None, None
    session.flush()
    return Retried(failed + len(alone), chunks, erased, len(alone))


def _failed(session: Session, batch_id: str) -> Iterator[int]:
    """Ids of the images to be retried, read a page at a time, while those before are taken out of their state."""
    last = 0
    query = select(Image.id).where(
        Image.batch_id == batch_id, Image.state == ImageState.FAILED, Image.erased_at.is_(None)
    )
    while page := session.scalars(query.where(Image.id > last).order_by(Image.id).limit(PAGE)).all():
        yield from page
        last = page[-1]
