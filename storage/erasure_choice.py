"""Which images an erasure means, and which stay although they are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from storage.erased import Erasable
from storage.paging import pages
from storage.schema import Batch, Image

PAGE = 500


@dataclass(frozen=True)
class Whose:
    """What is to be erased: the images of a patient, or those with these bytes. Exactly one of them."""

    patient: str | None = None
    checksum: str | None = None


@dataclass(frozen=True)
class Chosen(Erasable):
    """The row of an image that is to be erased. ``inbox``: the watched folder that it came through."""

    image: str
    location: str
    patient: str | None
    lesion: str | None
    inbox: str | None


def choose(session: Session, whose: Whose) -> list[Chosen]:
    """The images, in the order in which they came in; with those of the same file that nobody said a patient of."""
    wanted = Image.patient == whose.patient if whose.patient is not None else Image.checksum == whose.checksum
    found = {image.id: image for image in _images(session, wanted)}
    places = {(image.checksum, image.location) for image in found.values()}
    for page in pages(sorted({location for _, location in places}), PAGE):
        for image in _images(session, Image.location.in_(page) & Image.patient.is_(None)):
            if (image.checksum, image.location) in places:
                found[image.id] = image
    return [found[number] for number in sorted(found)]


def _images(session: Session, condition: ColumnElement[bool]) -> list[Chosen]:
    query = (
        select(
            Image.id, Image.batch_id, Image.checksum, Image.size, Image.state, Image.chunk_id, Image.image,
            Image.location, Image.patient, Image.lesion, Batch.inbox,
        )
        .join(Batch, Image.batch_id == Batch.id)
        .where(condition, Image.erased_at.is_(None))
    )  # fmt: skip
    return [Chosen(*row) for row in session.execute(query)]


def same_bytes(session: Session, chosen: Sequence[Chosen]) -> int:
    """How many images stay that have the bytes of one that is chosen."""
    ids = {image.id for image in chosen}
    number = 0
    for page in pages(sorted({image.checksum for image in chosen if image.checksum}), PAGE):
        query = select(Image.id).where(Image.checksum.in_(page), Image.erased_at.is_(None))
        number += sum(found not in ids for found in session.scalars(query))
    return number


def places_of_others(session: Session, chosen: Sequence[Chosen]) -> set[str]:
    """Those locations of the chosen that images which stay have too."""
    ids = {image.id for image in chosen}
    found: set[str] = set()
    for page in pages(sorted({image.location for image in chosen}), PAGE):
        rows = session.execute(select(Image.id, Image.location).where(Image.location.in_(page)))
        found |= {row.location for row in rows if row.id not in ids}
    return found
