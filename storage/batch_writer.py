"""The rows of a batch: images, their chunks, and decisions for bytes that were scored before."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from storage import audit
from storage.bulk import for_driver, insert_rows
from storage.clock import db_now
from storage.schema import Chunk, Decision, Image
from storage.states import ChunkState

CHUNK_IMAGES = 64  # images a task: long enough to decode ahead of the network, short against a lease

_CHUNK = ("id", "batch_id", "state", "attempt", "faults")
_IMAGE = (
    "id", "batch_id", "duplicate_of", "position", "image", "location", "checksum", "size", "state", "reason",
    "chunk_id", "salt", "patient", "lesion",
)  # fmt: skip
_DECISION = ("batch_id", "policy_id", "created_at", "image_id", "prediction_id", "outcome", "reason")


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


def new_chunk_id() -> str:
    """32 hexadecimal digits that begin with the time: chunks made one after another lie side by side in indexes.

    12 digits of milliseconds and 20 at random, as in a UUID of version 7 (RFC 9562, 5.7).
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def new_chunk(session: Session, batch_id: str) -> str:
    """Insert an empty waiting chunk and return its id."""
    chunk_id = new_chunk_id()
    session.execute(insert(Chunk).values(id=chunk_id, batch_id=batch_id, state=ChunkState.WAITING, attempt=0, faults=0))
    return chunk_id


def first_free_number(session: Session, images: int) -> int:
    """The first of so many numbers in a row that no image has or gets. The chain is locked: nobody else takes any."""
    if session.get_bind().dialect.name == "sqlite":
        return (session.scalar(select(func.max(Image.id))) or 0) + 1
    take = text(
        "SELECT min(n), max(n) FROM (SELECT nextval(pg_get_serial_sequence('images', 'id')) AS n"
        " FROM generate_series(1, :images)) AS taken"
    )
    while True:
        first, last = session.execute(take, {"images": images}).one()
        if last - first + 1 == images:  # else somebody took some by hand meanwhile
            return int(first)


def write_rows(session: Session, batch_id: str, policy_id: int, first: int, found: Iterable[dict[str, Any]]) -> None:
    """Write the pages that `storage.batch_preparation` made, each with its audit events. first: number of image 0."""
    for page in found:
        now = for_driver(session, session.execute(select(db_now())).scalar_one())
        chunks = [(chunk_id, batch_id, ChunkState.WAITING, 0, 0) for (chunk_id,) in page["chunks"]]
        insert_rows(session, Chunk, _CHUNK, chunks)
        images = [
            (first + row[1], batch_id, None if row[0] is None else first + row[0], *row[1:]) for row in page["images"]
        ]
        insert_rows(session, Image, _IMAGE, images)
        decisions = [(batch_id, policy_id, now, first + position, *row) for position, *row in page["decisions"]]
        insert_rows(session, Decision, _DECISION, decisions)

        def texts(at: str, events: list[list[Any]] = page["events"]) -> Iterable[tuple[str, str, str]]:
            for position, original, event, outline in events:
                duplicate_of = None if original is None else first + original
                yield event, batch_id, audit.fill_in(outline, at, first + position, duplicate_of)

        # the chain is appended page by page here: a million events at once would not be flat in memory
        audit.append_texts(session, texts)
