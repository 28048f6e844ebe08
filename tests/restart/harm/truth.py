"""What must hold whatever was broken, read from the database itself. One place for every test and the soak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from sqlalchemy import func, select

from harm.pictures import base_of
from storage import audit
from storage.counts import counts
from storage.database import Database, Session
from storage.schema import AuditEvent, Batch, Chunk, Decision, Image, Prediction
from storage.states import BatchState, ChunkState, ImageState

Scores = Mapping[int, tuple[float, str]]
"""Of an undisturbed run: base picture -> probability, outcome."""


@dataclass
class Found:
    """A batch after the harm."""

    received: int
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> state and reason, where not screened
    redeliveries: int = 0  # chunks claimed more than once, and halves of chunks that lost their worker


def scores(session: Session, batch_id: str) -> dict[int, tuple[float, str]]:
    """What a batch's pictures were given, by base picture. Equal pictures must have been given the same."""
    found: dict[int, tuple[float, str]] = {}
    for name, probability, outcome in _decided(session, batch_id):
        assert found.setdefault(base_of(name), (probability, outcome)) == (probability, outcome)
    return found


def check(database: Database, batch_id: str, undisturbed: Scores | None, received: int) -> Found:
    """Assert the invariants of a complete batch; returns what the caller must judge for itself.

    ``undisturbed`` is None where the pictures are not those of ``harm.pictures``.
    """
    with database.read() as session:
        total = counts(session, batch_id)
        assert total.state == BatchState.COMPLETE
        assert total.adds_up
        assert total.received == received
        assert total.received == total.screened + total.duplicate + total.rejected + total.failed

        # one prediction for each checksum and model, one decision for each screened image, each said once
        key = Prediction.checksum, Prediction.model, Prediction.preprocessing
        assert not session.execute(select(*key).group_by(*key).having(func.count() > 1)).all()
        decided = _decided(session, batch_id)
        assert len(decided) == len({name for name, _, _ in decided}) == total.screened
        said = AuditEvent.batch_id == batch_id, AuditEvent.event == "image.decided"
        assert session.scalar(select(func.count()).select_from(AuditEvent).where(*said)) == total.screened

        # what was decided is what an undisturbed run decides; who was not scored has no decision
        for name, probability, outcome in decided if undisturbed is not None else ():
            assert (probability, outcome) == undisturbed[base_of(name)]
        ended = {}
        for image, state, reason in session.execute(
            select(Image.image, Image.state, Image.reason).where(
                Image.batch_id == batch_id, Image.state != ImageState.SCREENED
            )
        ):
            assert state in (ImageState.REJECTED, ImageState.FAILED, ImageState.DUPLICATE)
            assert reason or state == ImageState.DUPLICATE
            ended[PurePath(image).name] = (state, reason or "")

        chunk = select(Chunk.state, Chunk.attempt).where(Chunk.batch_id == batch_id)
        chunks = session.execute(chunk).all()
        assert {row.state for row in chunks} <= {ChunkState.DONE, ChunkState.SPLIT}
        assert audit.verify(session) >= received
    split = sum(row.state == ChunkState.SPLIT for row in chunks)
    again = sum(max(0, row.attempt - 1) for row in chunks)
    return Found(total.received, ended, split + again)


def nothing_half_done(database: Database, received: set[int]) -> list[str]:
    """Assert that every batch there is holds all its images in chunks; returns the batches' ids.

    ``received`` are the sizes that a whole batch may have.
    """
    with database.read() as session:
        ids = list(session.scalars(select(Batch.id)))
        for batch_id in ids:
            assert counts(session, batch_id).received in received
        orphans = Image.chunk_id.is_(None), Image.state.in_((ImageState.WAITING, ImageState.QUEUED))
        assert not session.scalar(select(func.count()).select_from(Image).where(*orphans))
        strays = select(func.count()).select_from(Image).where(Image.batch_id.not_in(ids))
        assert not session.scalar(strays)
        assert audit.verify(session) >= sum(counts(session, batch_id).received for batch_id in ids)
    return ids


def _decided(session: Session, batch_id: str) -> list[tuple[str, float, str]]:
    rows = session.execute(
        select(Image.image, Prediction.probability, Decision.outcome)
        .join(Decision, Decision.image_id == Image.id)
        .join(Prediction, Prediction.id == Decision.prediction_id)
        .where(Image.batch_id == batch_id, Image.checksum == Prediction.checksum)
    ).all()
    return [(PurePath(row.image).name, row.probability, row.outcome) for row in rows]
