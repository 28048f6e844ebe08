"""Copies of an image that ended unscreened although nothing is known against its bytes: one is screened in its stead.

Such an image is gone from its place, was changed there, or was erased. Its copies, of the same bytes at intake, lie in
places of their own. The one that stands in keeps its link to the image until it has ended itself, and so do the other
copies: where it is gone too, the next one is found by the same link.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, aliased

from storage import audit
from storage.batch_writer import CHUNK_IMAGES, new_chunk
from storage.paging import pages
from storage.schema import Image
from storage.states import NOT_JUDGED, UNFINISHED, ImageState

PAGE = 1_000  # events in memory at once
_LINKED = Image.state == ImageState.DUPLICATE
_COPY = _LINKED, Image.erased_at.is_(None)  # it can be screened itself


def stand_in(session: Session, batch_id: str, ended: Iterable[int]) -> list[audit.Event]:
    """Have the first copy of each of these images wait in a fresh chunk. The batch must be open, or be opened.

    Where a copy stands in already and has not ended, no second one does. Returns the events, to be appended in
    this transaction.
    """
    if not (waited_for := sorted(ended)):
        return []
    audit.lock(session)  # before rows of images in no chunk are locked, as an erasure does: neither waits for the other
    events: list[audit.Event] = []
    for page in pages(waited_for, CHUNK_IMAGES):
        for_whom = select(Image.duplicate_of).where(Image.id.in_(page), Image.duplicate_of.is_not(None))
        originals = {*page, *session.scalars(for_whom)}
        stood_for = select(Image.duplicate_of).where(Image.duplicate_of.in_(originals), Image.state.in_(UNFINISHED))
        originals -= set(session.scalars(stood_for))  # one of each is enough
        first = select(func.min(Image.id), Image.duplicate_of).where(Image.duplicate_of.in_(originals), *_COPY)
        found = session.execute(first.group_by(Image.duplicate_of).order_by(func.min(Image.id))).all()
        for some in pages(found, CHUNK_IMAGES):
            chunk_id = new_chunk(session, batch_id)
            session.execute(
                update(Image)
                .where(Image.id.in_([copy for copy, _ in some]))
                .values(state=ImageState.WAITING, chunk_id=chunk_id),
                execution_options={"synchronize_session": False},
            )
            events += [
                audit.Event("image.stands_in", batch_id, {"image": copy, "for": original, "chunk": chunk_id})
                for copy, original in some
            ]
    return events


def link_anew(session: Session, batch_id: str, ended: Iterable[int]) -> None:
    """Of those images that stood in for another and have ended now, link the other copies to them, erased ones too.

    Call it when their own events are appended. Its events are appended page by page: of a copy no more than its
    number is in memory.
    """
    stood_in = select(Image.duplicate_of, Image.id).where(Image.id.in_(list(ended)), Image.duplicate_of.is_not(None))
    instead = {row.duplicate_of: row.id for row in session.execute(stood_in)}
    if not instead:
        return
    audit.lock(session)
    for original, image in instead.items():
        linked = Image.duplicate_of == original, _LINKED
        following = array("q", session.scalars(select(Image.id).where(*linked).order_by(Image.id)))
        session.execute(
            update(Image).where(*linked).values(duplicate_of=image), execution_options={"synchronize_session": False}
        )
        for page in pages(following, PAGE):
            facts: list[dict[str, str | int | None]] = [{"image": copy, "duplicate_of": image} for copy in page]
            audit.append(session, [audit.Event("image.duplicate", batch_id, said) for said in facts])


def unscreened_copies(session: Session, batch_id: str) -> int:
    """How many images of a batch are copies of one that ended without an outcome, so that nobody judged them either."""
    original = aliased(Image)
    query = select(func.count()).select_from(Image).join(original, Image.duplicate_of == original.id)
    of_batch = Image.batch_id == batch_id, Image.state == ImageState.DUPLICATE, original.state.in_(NOT_JUDGED)
    return session.scalar(query.where(*of_batch)) or 0


def left_alone(session: Session, batch_id: str) -> list[int]:
    """The failed images of a batch that were erased, and that have a copy: nobody can try them again, but the copy.

    Without those that a copy stands in for already and has not ended.
    """
    copy, other = aliased(Image), aliased(Image)
    query = (
        select(Image.id)
        .join(copy, copy.duplicate_of == Image.id)
        .where(
            Image.batch_id == batch_id, Image.state == ImageState.FAILED, Image.erased_at.is_not(None),
            copy.state == ImageState.DUPLICATE, copy.erased_at.is_(None),
            ~exists().where(other.duplicate_of == Image.id, other.state.in_(UNFINISHED)),
        )
    )  # fmt: skip
    return list(session.scalars(query.distinct().order_by(Image.id)))
