"""A chunk in the hands of a worker: claimed under a lease, completed once, or handed back.

The attempt number is a fence. Whoever writes names the attempt that it was given; a worker that slept past
its lease finds another attempt there and writes nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models.answers import ClassProbabilities
from models.errors import Handling, OurFault
from storage import audit, copies, predictions
from storage.clock import db_now
from storage.closing import close_if_done
from storage.decisions import decision_facts, insert_decisions
from storage.engines import Computed
from storage.schema import Batch, Chunk, Image, Policy
from storage.settings import LEASE_SECONDS
from storage.states import UNFINISHED, ChunkState, ImageState

MAX_FAULTS = 3  # of our own faults; then the image is failed with the reason
BACKOFF_SECONDS = 5.0  # at most, after the first attempt; doubled with every further one up to MAX_BACKOFF_SECONDS
MAX_BACKOFF_SECONDS = 300.0


class LeaseLost(OurFault):
    """Another worker holds the chunk by now; what was computed is thrown away."""

    handling = Handling.DROPPED


@dataclass(frozen=True)
class ChunkImage:
    """What a worker needs to know of an image."""

    id: int
    image: str
    location: str
    checksum: str
    size: int | None = None


@dataclass(frozen=True)
class Claim:
    """A chunk under lease: its attempt (the fence), its model, and the images still to do."""

    chunk_id: str
    batch_id: str
    attempt: int
    model: str
    images: tuple[ChunkImage, ...]
    lease_seconds: float = LEASE_SECONDS
    weights: str | None = None  # SHA-256 of those that the batch was handed in for; none of a batch of long ago
    scoring: str | None = None  # SHA-256 of all that it was handed in for (`models.scoring`); likewise


@dataclass
class Results:
    """What a worker found out about the images of a chunk, by image id. Reasons are shown to people."""

    scores: dict[int, tuple[float, str | None]] = field(default_factory=dict)  # probability, why ungradable
    rejected: dict[int, str] = field(default_factory=dict)  # the input's fault
    misplaced: set[int] = field(default_factory=set)  # of the rejected: their bytes are not where they were handed in
    passing: dict[int, str] = field(default_factory=dict)  # tried again, not counted
    faults: dict[int, str] = field(default_factory=dict)  # ours: counted
    classes: dict[int, ClassProbabilities] = field(default_factory=dict)  # beside scores; none of a binary network
    computed: Computed | None = None  # with what


@dataclass(frozen=True)
class ShadowScores:
    """Scores of a model version that decides nothing, by image id: probability, why ungradable."""

    key: predictions.Key
    scores: Mapping[int, tuple[float, str | None]]
    classes: Mapping[int, ClassProbabilities] = field(default_factory=dict)
    computed: Computed | None = None


def claim(session: Session, chunk_id: str, holder: str, lease_seconds: float = LEASE_SECONDS) -> Claim | None:
    """Take a waiting chunk with one UPDATE. None when it is done, taken, or not due: a lost race is no error."""
    due = or_(Chunk.not_before.is_(None), Chunk.not_before <= db_now())
    taken = session.execute(
        update(Chunk)
        .where(Chunk.id == chunk_id, Chunk.state == ChunkState.WAITING, due)
        .values(
            state=ChunkState.RUNNING,
            attempt=Chunk.attempt + 1,
            lease_until=db_now(lease_seconds),
            holder=holder,
            reason=None,
        )
        .returning(Chunk.attempt, Chunk.batch_id)
        .execution_options(synchronize_session=False)
    ).first()
    if taken is None:
        return None
    unfinished = Image.chunk_id == chunk_id, Image.state.in_(UNFINISHED)
    session.execute(update(Image).where(*unfinished).values(state=ImageState.RUNNING))
    rows = session.execute(
        select(Image.id, Image.image, Image.location, Image.checksum, Image.size)
        .where(*unfinished)
        .order_by(Image.position)
    )
    images = tuple(ChunkImage(row.id, row.image, row.location, row.checksum or "", row.size) for row in rows)
    batch = session.execute(select(Batch.model, Batch.weights, Batch.scoring).where(Batch.id == taken.batch_id)).one()
    facts: dict[str, str | int | None] = {"chunk": chunk_id, "attempt": taken.attempt, "images": len(images)}
    audit.append(session, [audit.Event("chunk.claimed", taken.batch_id, facts | {"holder": holder})])
    numbers = batch.weights, batch.scoring
    return Claim(chunk_id, taken.batch_id, taken.attempt, batch.model, images, lease_seconds, *numbers)


def renew(session: Session, held: Claim) -> None:
    """Extend the lease. Raises LeaseLost."""
    _fenced_update(session, held, {"lease_until": db_now(held.lease_seconds)})


def abandon(session: Session, held: Claim, reason: str) -> None:
    """End the lease now, for a fault while the chunk was worked on: recovery treats it as one that lost its worker.

    Raises LeaseLost.
    """
    _fenced_update(session, held, {"lease_until": db_now(), "reason": reason})


def hand_back(session: Session, held: Claim, reason: str, pause_seconds: float = 0.0) -> None:
    """Return a chunk unworked, for a reason that is not its own; nothing is counted. Raises LeaseLost."""
    _fenced_update(session, held, _waiting_again(reason, pause_seconds))
    _images_wait(session, held.chunk_id)
    facts: dict[str, str | int | None] = {"chunk": held.chunk_id, "attempt": held.attempt, "reason": reason}
    audit.append(session, [audit.Event("chunk.handed_back", held.batch_id, facts)])


def complete(
    session: Session, held: Claim, key: predictions.Key, results: Results, shadow: ShadowScores | None = None
) -> None:
    """Store results, image states and decisions in this transaction, with their audit events.

    Images that met a fault stay in the chunk, which then waits for its next attempt; those whose faults are
    used up become failed. It is a fault where other weights of the name scored the
    bytes meanwhile. Raises LeaseLost when another attempt was made in the meantime.
    """
    checksums = {image.id: image.checksum for image in held.images}
    by_image = predictions.record_by_image
    stored = by_image(session, key, checksums, results.scores, results.classes, results.computed)
    outrun = {image_id for image_id in results.scores if checksums[image_id] not in stored}  # since they were looked up
    ours = results.faults | dict.fromkeys(sorted(outrun), predictions.SCORED_BY_OTHERS)
    faults = session.scalars(select(Chunk.faults).where(Chunk.id == held.chunk_id)).one() + bool(ours)
    exhausted = ours if faults >= MAX_FAULTS else {}
    again = results.passing | (ours if not exhausted else {})
    if again:
        values = _waiting_again(next(iter(again.values())), backoff_seconds(held.attempt))
    else:
        values = {"state": ChunkState.DONE, "lease_until": None, "holder": None}
    _fenced_update(session, held, values | {"faults": faults})

    bytes_of: dict[int, dict[str, str | int | None]] = {
        image.id: {"image": image.id, "checksum": image.checksum, "size": image.size} for image in held.images
    }
    policy = session.scalars(select(Policy).join(Batch).where(Batch.id == held.batch_id)).one()
    decided = [(image_id, stored[checksums[image_id]]) for image_id in sorted(results.scores.keys() - outrun)]
    insert_decisions(session, held.batch_id, policy, decided)
    failed = {image_id: given_up(reason, faults) for image_id, reason in exhausted.items()}
    _finish(session, [image_id for image_id, _ in decided], ImageState.SCREENED)
    _finish(session, results.rejected, ImageState.REJECTED)
    _finish(session, failed, ImageState.FAILED)
    if again:
        session.execute(
            update(Image).where(Image.id.in_(again)).values(state=ImageState.WAITING),
            execution_options={"synchronize_session": False},
        )
    common: dict[str, str | int | None] = {"chunk": held.chunk_id, "attempt": held.attempt}
    events = [
        audit.Event("image.decided", held.batch_id, common | bytes_of[image_id] | decision_facts(scored, policy))
        for image_id, scored in decided
    ]
    for name, ended in (
        ("image.rejected", results.rejected),
        ("image.failed", failed),
        ("image.again", again),
    ):
        events += [
            audit.Event(name, held.batch_id, common | bytes_of[image_id] | {"reason": why})
            for image_id, why in ended.items()
        ]
    if shadow is not None:
        by_image(session, shadow.key, checksums, shadow.scores, shadow.classes, shadow.computed)
        shadowed = len({checksums[image_id] for image_id in shadow.scores})
        facts = common | {"model": shadow.key.model, "images": shadowed}
        events.append(audit.Event("chunk.shadowed", held.batch_id, facts))
    # last: these lock the chain
    done = {image_id for image_id, _ in decided} | results.rejected.keys() | failed.keys()
    events += copies.stand_in(session, held.batch_id, results.misplaced)
    audit.append(session, events)
    copies.link_anew(session, held.batch_id, done - results.misplaced)
    close_if_done(session, held.batch_id)


def backoff_seconds(attempt: int) -> float:
    """How long a chunk rests after an attempt, with jitter: what failed together comes back one by one."""
    doublings = min(attempt - 1, 16)  # passing faults have no cap, and 2.0 ** 1024 is no number
    return min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2.0**doublings) * random.uniform(0.75, 1.0)  # noqa: S311 - jitter, no secret


def given_up(reason: str, faults: int) -> str:
    return f"{reason} (given up after {faults} attempts)"


def _waiting_again(reason: str, backoff: float) -> dict[str, object]:
    return {
        "state": ChunkState.WAITING, "sent_at": None, "lease_until": None, "holder": None,
        "not_before": db_now(backoff), "reason": reason,
    }  # fmt: skip


def _fenced_update(session: Session, held: Claim, values: Mapping[str, object]) -> None:
    done = session.execute(
        update(Chunk)
        .where(Chunk.id == held.chunk_id, Chunk.attempt == held.attempt, Chunk.state == ChunkState.RUNNING)
        .values(**values)
        .returning(Chunk.id)
        .execution_options(synchronize_session=False)
    ).first()
    if done is None:
        raise LeaseLost(f"chunk {held.chunk_id}: attempt {held.attempt} is no longer the one that holds it")


def _images_wait(session: Session, chunk_id: str) -> None:
    session.execute(
        update(Image)
        .where(Image.chunk_id == chunk_id, Image.state.in_(UNFINISHED))
        .values(state=ImageState.WAITING)
        .execution_options(synchronize_session=False)
    )


def _finish(session: Session, ended: Mapping[int, str] | list[int], state: ImageState) -> None:
    """Set the terminal state, with the reason where there is one (bulk UPDATE by primary key)."""
    reasons = ended if isinstance(ended, Mapping) else dict.fromkeys(ended)
    if reasons:
        rows = [{"id": image_id, "state": state, "reason": reason} for image_id, reason in reasons.items()]
        session.execute(update(Image), rows)
