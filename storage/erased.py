"""What is left of an image that was erased: its bytes' checksum and size, its result, and that it was erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from storage import audit
from storage.clock import db_now
from storage.closing import close_if_done
from storage.copies import stand_in
from storage.image_files import ERASED_LOCATION
from storage.paging import pages
from storage.schema import Chunk, Image
from storage.states import UNFINISHED, ChunkState, ImageState

ERASED_IMAGE = "(erased)"  # in the place of the path as submitted
UNSCREENED = "erased before it was screened"
PAGE = 500

Facts = Mapping[str, str | int | None]


@dataclass(frozen=True)
class Erasable:
    """What an erasure has to know of the row of an image."""

    id: int
    batch_id: str
    checksum: str | None
    size: int | None
    state: str
    chunk_id: str | None


def erase_rows(session: Session, images: Sequence[Erasable], facts: Mapping[int, Facts], closing: audit.Event) -> None:
    """Take what names a person out of the rows, in this transaction, with the audit events.

    Without its salt the digests on the chain tell nothing of the names any more. An image that was still to be
    screened becomes failed, a copy of it that is not erased is screened in its stead, and its batch may be complete by
    that; no worker may hold its chunk.

    Args:
        facts: of the event ``image.erased``, by image id.
        closing: the event that stands behind them.
    """
    for page in pages(images, PAGE):
        session.execute(
            update(Image)
            .where(Image.id.in_([image.id for image in page]))
            .values(image=ERASED_IMAGE, location=ERASED_LOCATION, salt=None, patient=None, lesion=None,
                    erased_at=db_now()),
            execution_options={"synchronize_session": False},
        )  # fmt: skip
    open_ones = [image for image in images if image.state in UNFINISHED]
    events = _fail(session, open_ones)
    for image in images:
        known: Facts = {"image": image.id, "checksum": image.checksum, "size": image.size}
        events.append(audit.Event("image.erased", image.batch_id, {**known, **facts[image.id]}))
    batches = sorted({image.batch_id for image in open_ones})
    for batch_id in batches:
        events += stand_in(session, batch_id, [image.id for image in open_ones if image.batch_id == batch_id])
    audit.append(session, [*events, closing])
    for batch_id in batches:
        close_if_done(session, batch_id)


def _fail(session: Session, images: Sequence[Erasable]) -> list[audit.Event]:
    for page in pages(images, PAGE):
        session.execute(
            update(Image)
            .where(Image.id.in_([image.id for image in page]))
            .values(state=ImageState.FAILED, reason=UNSCREENED),
            execution_options={"synchronize_session": False},
        )
    waits = exists().where(Image.chunk_id == Chunk.id, Image.state.in_(UNFINISHED))
    for page_of_chunks in pages(sorted({image.chunk_id for image in images if image.chunk_id}), PAGE):
        session.execute(
            update(Chunk).where(Chunk.id.in_(page_of_chunks), ~waits).values(state=ChunkState.DONE),
            execution_options={"synchronize_session": False},
        )
    return [
        audit.Event(
            "image.failed",
            image.batch_id,
            {"image": image.id, "checksum": image.checksum, "size": image.size, "reason": UNSCREENED},
        )
        for image in images
    ]


@dataclass(frozen=True)
class Again:
    """How many images were erased once more, and how many of them had still to be screened."""

    images: int
    unscreened: int


def erase_again(session: Session, told: Sequence[Mapping[str, str | int]]) -> Again:
    """Erase once more what a restored backup brought back; no worker may hold a chunk.

    Args:
        told: the texts of the events ``image.erased`` of the database that was replaced.
    """
    known = {int(event["image"]): event for event in told}
    found: list[Erasable] = []
    for page in pages(sorted(known), PAGE):
        rows = session.execute(
            select(Image.id, Image.batch_id, Image.checksum, Image.size, Image.state, Image.chunk_id)
            .where(Image.id.in_(page), Image.erased_at.is_(None))
            .order_by(Image.id)
        )
        # another database gave the same number to another image
        same = (row for row in rows if _same(known[row.id], row.batch_id, row.checksum))
        found += [Erasable(*row) for row in same]
    if found:
        facts: dict[int, Facts] = {
            image.id: {
                "reason": known[image.id].get("reason"),
                "erased_before_by": known[image.id]["actor"],
                "again_after": "database.restored",
            }
            for image in found
        }
        closing = audit.Event("images.erased", None, {"images": len(found), "again_after": "database.restored"})
        erase_rows(session, found, facts, closing)
    return Again(len(found), sum(image.state in UNFINISHED for image in found))


def _same(event: Mapping[str, str | int], batch_id: str, checksum: str | None) -> bool:
    return (event["batch"], event.get("checksum")) == (batch_id, checksum)
