"""A batch before it is one: all that can be worked out before the transaction, kept in a file.

Each image gets its salt, its digests, its chunk, the text of its audit event, and what is known of its bytes: that they
came earlier in the batch, or that this model and its shadow have scored them before. The transaction then only writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from sqlalchemy.orm import Session

from models.errors import PassingFault
from storage import audit, predictions
from storage.audit.head import Head, hash_at, head_of
from storage.audit.names import digests, new_salt
from storage.batch_writer import CHUNK_IMAGES, Received, new_chunk_id
from storage.decisions import Scored, decide, decision_facts
from storage.paging import pages
from storage.registry import shadow_model
from storage.schema import Policy
from storage.sorted_runs import in_order, keep
from storage.states import ImageState

PAGE = 15 * CHUNK_IMAGES  # rows an INSERT: memory stays flat however large the batch
SPOOL_BYTES = 8_000_000  # a few thousand images in memory, more on disk
RUN = 50_000  # checksums that are sorted in memory, about 10 MB


@dataclass(frozen=True)
class Prepared:
    """A batch ready to be written. ``images``: how many; ``head``: of the chain as it was looked at, if any."""

    batch_id: str
    policy: Policy
    images: int
    head: Head | None
    _pages: IO[str]

    def pages(self) -> Iterator[dict[str, list[list[Any]]]]:
        """What `storage.batch_writer` writes, a page at a time."""
        self._pages.seek(0)
        return map(json.loads, self._pages)


Open = Callable[[], AbstractContextManager[Session]]


@contextmanager
def prepared(
    look: Open,
    policy: Policy,
    key: predictions.Key,
    received: Callable[[], Iterable[Received]],
    scratch: Path | None = None,
) -> Iterator[Prepared]:
    """A batch ready to be written, for the time of the block. Reads, and writes nothing.

    Args:
        look: opens a transaction that reads, for each page a new one, since one that stays open makes SQLite's log
            grow; or hands out that of the writing itself.
        policy: what will judge the images.
        key: whose predictions are reused, where a shadow has scored the bytes too.
        received: the images, from the first, each time that it is called.
        scratch: the folder of what does not fit into memory (default: where temporary files go).

    Raises PassingFault when that cannot be kept there, or the database is replaced by a backup meanwhile.
    """
    batch_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(3)}"
    with ExitStack() as stack:
        where = str(scratch) if scratch else None
        file = stack.enter_context(SpooledTemporaryFile(max_size=SPOOL_BYTES, mode="w+", encoding="ascii", dir=where))
        by_bytes = stack.enter_context(in_order(_named(received()), _checksum_first, RUN, scratch, _WHAT))
        copies = stack.enter_context(in_order(_copies(by_bytes), _position_first, RUN, scratch, _WHAT))
        rows, head = _Rows(batch_id, policy, copies), None
        for page in pages(received(), PAGE):
            checksums = {item.checksum for item in page if item.checksum and not item.reason}
            with look() as session:
                # what is known is true of this chain and of those that go on from it
                head = follow(session, head)
                known = _reusable(session, key, checksums)
            keep(file, f"{json.dumps(rows.page(page, known))}\n", "the list of images")
        yield Prepared(batch_id, policy, rows.number, head, file)


def _reusable(session: Session, key: predictions.Key, checksums: set[str]) -> dict[str, Scored]:
    """What is known, but for bytes that the shadow has yet to score: a worker gets those, and reuses the score."""
    known = predictions.known(session, key, checksums)
    shadow = shadow_model(session)
    if shadow is None or shadow == key.model:
        return known
    by_both = predictions.scored_by(session, shadow, known)
    return {checksum: scored for checksum, scored in known.items() if checksum in by_both}


def follow(session: Session, head: Head | None) -> Head:
    """The end of the chain now. Raises PassingFault when it does not go on from a head that was seen before."""
    if head and head.size and hash_at(session, head.size) != head.hash:
        raise PassingFault("the database was restored from a backup while the batch was prepared; submit it again")
    return head_of(session)


_WHAT = "the list of checksums"


def _named(received: Iterable[Received]) -> Iterator[tuple[str, int]]:
    """Checksum and position of what was not refused. Bytes may be refused under one name and taken under another."""
    for position, item in enumerate(received):
        if item.checksum and not item.reason:
            yield item.checksum, position


def _checksum_first(item: tuple[str, int]) -> tuple[str, int]:
    return item[0], item[1]


def _copies(by_bytes: Iterable[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Position of each copy, and of the first image with these bytes."""
    checksum, first = "", 0
    for found, position in by_bytes:
        if found == checksum:
            yield position, first
        else:
            checksum, first = found, position


def _position_first(item: tuple[int, int]) -> int:
    return item[0]


class _Rows:
    """Makes the rows of a batch, page by page. Numbers of images are positions here: the writing adds to them."""

    def __init__(self, batch_id: str, policy: Policy, copies: Iterator[tuple[int, int]]) -> None:
        self._batch_id, self._policy, self._copies = batch_id, policy, copies
        self._copy = next(copies, None)
        self._chunk_id, self._room = "", 0
        self.number = 0

    def page(self, received: list[Received], known: dict[str, Scored]) -> dict[str, list[list[Any]]]:
        chunks: list[list[Any]] = []
        images: list[list[Any]] = []
        decisions: list[list[Any]] = []
        events: list[list[Any]] = []
        for item in received:
            position, original = self.number, self._original()
            scored = known.get(item.checksum or "") if original is None and not item.reason else None
            state, chunk_id = _state(item, original, scored), None
            if state is ImageState.WAITING:
                if not self._room:
                    self._chunk_id, self._room = new_chunk_id(), CHUNK_IMAGES
                    chunks.append([self._chunk_id])
                chunk_id, self._room = self._chunk_id, self._room - 1
            if scored is not None:
                outcome = decide(scored, self._policy.threshold)
                decisions.append([position, scored.prediction_id, outcome, scored.ungradable])
            salt = new_salt()
            images.append([
                original, position, item.image, item.location, item.checksum, item.size, state, item.reason,
                chunk_id, salt, item.patient, item.lesion,
            ])  # fmt: skip
            event = self._event(item, salt, original, scored)
            events.append([position, original, event.event, audit.outline(event)])
            self.number += 1
        return {"chunks": chunks, "images": images, "decisions": decisions, "events": events}

    def _original(self) -> int | None:
        """Where the image in hand has its bytes from, if it is a copy."""
        if self._copy is None or self._copy[0] != self.number:
            return None
        original = self._copy[1]
        self._copy = next(self._copies, None)
        return original

    def _event(self, item: Received, salt: str, original: int | None, scored: Scored | None) -> audit.Event:
        facts: dict[str, str | int | None] = {"image": None, "checksum": item.checksum, "size": item.size}
        facts |= digests(salt, item.image, item.patient, item.lesion)
        if item.reason:
            return audit.Event("image.rejected", self._batch_id, facts | {"reason": item.reason})
        if original is not None:
            return audit.Event("image.duplicate", self._batch_id, facts | {"duplicate_of": original})
        if scored is not None:
            judged = decision_facts(scored, self._policy) | {"inference": "reused"}
            return audit.Event("image.decided", self._batch_id, facts | judged)
        return audit.Event("image.received", self._batch_id, facts)


def _state(item: Received, original: int | None, scored: Scored | None) -> ImageState:
    if item.reason:
        return ImageState.REJECTED
    if original is not None:
        return ImageState.DUPLICATE
    return ImageState.WAITING if scored is None else ImageState.SCREENED
