"""Why does a batch wait? What the database knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage import workers
from storage.clock import db_now
from storage.pause import paused
from storage.schema import Batch, Chunk, Worker
from storage.states import BatchState, ChunkState


class Obstacle(StrEnum):
    """What stands in the way of an open batch; the code that programs read."""

    PAUSED = "paused"  # `screen pause` was given
    NO_WORKER = "no_worker"  # no worker is alive
    MODEL_REFUSED = "model_refused"  # a worker found the model version missing or not what its manifest says
    BROKER_UNREACHABLE = "broker_unreachable"  # no message can be sent or received
    DATABASE_BUSY = "database_busy"  # another writer holds its lock
    BACKOFF = "backoff"  # the next attempt of a chunk is not due yet
    INBOX = "inbox"  # its files have not left the inbox yet


@dataclass(frozen=True)
class Reason:
    """Why something waits: a code for programs, a sentence for people."""

    code: Obstacle
    text: str


def of_the_site(session: Session) -> list[Reason]:
    """What keeps every open batch waiting."""
    reasons = []
    if pause := paused(session):
        reasons.append(
            Reason(
                Obstacle.PAUSED,
                f"paused by {pause.actor} at {pause.since:%Y-%m-%d %H:%M:%S} UTC; `screen resume` goes on",
            )
        )
    if not workers.alive(session):
        reasons.append(Reason(Obstacle.NO_WORKER, "no worker is alive; start one with `screen worker`"))
        last = session.scalars(select(Worker.refused).order_by(Worker.seen_at.desc()).limit(1)).first()
        if last is not None:
            reasons.append(_refused(last))
    return reasons


def of_batches(session: Session) -> dict[str, list[Reason]]:
    """What keeps single open batches waiting, by batch id; every open batch is a key."""
    reasons: dict[str, list[Reason]] = {
        batch_id: [] for batch_id in session.scalars(select(Batch.id).where(Batch.state == BatchState.OPEN))
    }
    # the reason of a chunk's last attempt is forgotten when it is claimed again
    waiting = select(Chunk.batch_id, func.min(Chunk.reason)).where(Chunk.state == ChunkState.WAITING)
    refused = waiting.where(Chunk.reason.in_(select(Worker.refused).where(Worker.refused.is_not(None))))
    for batch_id, why in session.execute(refused.group_by(Chunk.batch_id)):
        reasons.setdefault(batch_id, []).append(_refused(why))
    resting = waiting.add_columns(func.count(), func.min(Chunk.not_before)).where(Chunk.not_before > db_now())
    for batch_id, why, number, until in session.execute(resting.group_by(Chunk.batch_id)):
        text = (
            f"chunks that wait for their next attempt, the first until {until:%Y-%m-%d %H:%M:%S} UTC: {number} ({why})"
        )
        reasons.setdefault(batch_id, []).append(Reason(Obstacle.BACKOFF, text))
    unmoved = select(Batch.id, Batch.inbox).where(
        Batch.state == BatchState.OPEN, Batch.inbox.is_not(None), Batch.moved_at.is_(None)
    )
    for batch_id, inbox in session.execute(unmoved):
        text = f"its files have not left the inbox {inbox} yet; `screen watch` moves them"
        reasons.setdefault(batch_id, []).append(Reason(Obstacle.INBOX, text))
    return reasons


def _refused(why: str | None) -> Reason:
    return Reason(Obstacle.MODEL_REFUSED, f"a worker refused to screen: {why}")
