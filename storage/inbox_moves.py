"""Batches whose files have still to leave their inbox."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.errors import PassingFault
from storage import audit
from storage.clock import db_now
from storage.schema import Batch, Image
from storage.states import ImageState

PROCESSED, REJECTED = "processed", "rejected"  # folders of an inbox
REASON_SUFFIX = ".reason.txt"  # of the file beside a rejected one


@dataclass(frozen=True)
class Move:
    """One file: where it lies in the inbox, where it belongs, and why it was rejected, if so."""

    source: str
    target: str
    reason: str | None


def unmoved_batches(session: Session, inbox: str) -> list[str]:
    """Ids of the committed batches of an inbox whose files may still lie in it, oldest first."""
    return list(
        session.scalars(
            select(Batch.id).where(Batch.inbox == inbox, Batch.moved_at.is_(None)).order_by(Batch.created_at)
        )
    )


def batches_of(session: Session, inbox: str) -> int:
    """How many batches an inbox has had."""
    return session.scalar(select(func.count()).select_from(Batch).where(Batch.inbox == inbox)) or 0


def refuse_others(session: Session, inbox: str, known: int) -> None:
    """Raises PassingFault when an inbox has had more batches than are known: they may hold the same files.

    To be asked in the transaction that writes another one; until its end nobody else can write one.
    """
    audit.lock(session)
    if batches_of(session, inbox) != known:
        raise PassingFault("another `screen watch` took files of this inbox meanwhile; it is looked at anew")


def moves(session: Session, batch_id: str) -> list[Move]:
    """The moves of a batch."""
    rows = session.execute(
        select(Image.image, Image.location, Image.state, Image.reason)
        .where(Image.batch_id == batch_id)
        .order_by(Image.position)
    )
    return [Move(row.image, row.location, row.reason if row.state == ImageState.REJECTED else None) for row in rows]


def mark_moved(session: Session, batch_id: str) -> None:
    """From now on the chunks of the batch may be sent."""
    session.execute(
        update(Batch).where(Batch.id == batch_id).values(moved_at=db_now()),
        execution_options={"synchronize_session": False},
    )
