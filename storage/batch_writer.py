"""The rows of a batch: images, their chunks, and decisions for bytes that were scored before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage import audit, predictions
from storage.audit.names import digests, new_salt
from storage.decisions import Scored, decision_facts, insert_decisions
from storage.paging import pages
from storage.schema import Chunk, Image, Policy
from storage.states import ChunkState, ImageState

CHUNK_IMAGES = 64  # images a task: long enough to decode ahead of the network, short against a lease


@dataclass(frozen=True)
class Received:
    """One file as intake found it. ``reason`` is set when it was refused; ``checksum`` when it could be read."""

    image: str
    location: str
    checksum: str | None
    size: int | None
    reason: str | None = None
    patient: str | None = None
    lesion: str | None = None


def new_chunk(session: Session, batch_id: str) -> str:
    """Insert an empty waiting chunk and return its id."""
    chunk_id = uuid4().hex
    session.execute(insert(Chunk).values(id=chunk_id, batch_id=batch_id, state=ChunkState.WAITING, attempt=0, faults=0))
    return chunk_id


class BatchWriter:
    """Writes the images of one batch, page by page, and returns the audit events of each page."""

    def __init__(self, session: Session, batch_id: str, policy: Policy, key: predictions.Key) -> None:
        self._session, self._batch_id, self._policy, self._key = session, batch_id, policy, key
        self._salts: dict[int, str] = {}  # of the page in hand, by position

    def write(self, page: Iterable[tuple[int, Received]]) -> list[audit.Event]:
        rows = list(page)
        self._salts = {position: new_salt() for position, _ in rows}
        checksums = {item.checksum for _, item in rows if item.checksum and not item.reason}
        first = self._already_in_batch(checksums)
        scored = predictions.known(self._session, self._key, checksums - first.keys())
        originals: list[tuple[int, Received]] = []
        copies: list[tuple[int, Received]] = []
        seen = set(first)
        for position, item in rows:
            is_copy = not item.reason and item.checksum in seen
            (copies if is_copy else originals).append((position, item))
            if item.checksum and not item.reason:
                seen.add(item.checksum)
        ids = self._insert(originals, scored, {})
        first |= {item.checksum: ids[position] for position, item in originals if item.checksum and not item.reason}
        ids |= self._insert(copies, {}, first)
        self._decide(originals, ids, scored)
        return [self._event(position, ids[position], item, scored, first) for position, item in rows]

    def _already_in_batch(self, checksums: set[str]) -> dict[str, int]:
        query = select(Image.checksum, Image.id).where(
            Image.batch_id == self._batch_id,
            Image.checksum.in_(checksums),
            Image.state.not_in((ImageState.DUPLICATE, ImageState.REJECTED)),
        )
        return {checksum: image_id for checksum, image_id in self._session.execute(query) if checksum}

    def _insert(
        self, rows: list[tuple[int, Received]], scored: dict[str, Scored], first: dict[str, int]
    ) -> dict[int, int]:
        """Insert rows and return position -> id. Copies carry the id of their original."""
        if not rows:
            return {}
        values = []
        waiting = []
        for position, item in rows:
            value = {
                "batch_id": self._batch_id, "position": position, "image": item.image, "location": item.location,
                "checksum": item.checksum, "size": item.size, "reason": item.reason, "duplicate_of": None,
                "chunk_id": None, "state": ImageState.WAITING,
                "salt": self._salts[position], "patient": item.patient, "lesion": item.lesion,
            }  # fmt: skip
            if item.reason:
                value["state"] = ImageState.REJECTED
            elif item.checksum in first:
                value |= {"state": ImageState.DUPLICATE, "duplicate_of": first[item.checksum]}
            elif item.checksum in scored:
                value["state"] = ImageState.SCREENED
            else:
                waiting.append(value)
            values.append(value)
        for group in pages(waiting, CHUNK_IMAGES):
            chunk_id = new_chunk(self._session, self._batch_id)
            for value in group:
                value["chunk_id"] = chunk_id
        # RETURNING would make SQLite insert row by row; the write lock is held meanwhile
        self._session.execute(insert(Image), values)
        positions = {position for position, _ in rows}
        of_page = select(Image.position, Image.id).where(
            Image.batch_id == self._batch_id, Image.position.between(min(positions), max(positions))
        )
        return {position: image_id for position, image_id in self._session.execute(of_page) if position in positions}

    def _decide(self, rows: list[tuple[int, Received]], ids: dict[int, int], scored: dict[str, Scored]) -> None:
        decided = [
            (ids[position], scored[item.checksum])
            for position, item in rows
            if item.checksum in scored and not item.reason
        ]
        insert_decisions(self._session, self._batch_id, self._policy, decided)

    def _event(
        self, position: int, image_id: int, item: Received, scored: dict[str, Scored], first: dict[str, int]
    ) -> audit.Event:
        facts: dict[str, str | int | None] = {"image": image_id, "checksum": item.checksum, "size": item.size}
        facts |= digests(self._salts[position], item.image, item.patient, item.lesion)
        if item.reason:
            return audit.Event("image.rejected", self._batch_id, facts | {"reason": item.reason})
        original = first[item.checksum or ""]
        if original != image_id:
            return audit.Event("image.duplicate", self._batch_id, facts | {"duplicate_of": original})
        if item.checksum in scored:
            return audit.Event(
                "image.decided",
                self._batch_id,
                facts | decision_facts(scored[item.checksum], self._policy) | {"inference": "reused"},
            )
        return audit.Event("image.received", self._batch_id, facts)
