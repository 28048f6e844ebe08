"""The switch with which a site stops handing out work. Intake goes on, and chunks in hand are finished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage import audit
from storage.clock import db_now
from storage.schema import Activation, Chunk, Image
from storage.states import ChunkState, ImageState

SWITCH = "pause"  # kept as a role in the append-only table of activations: the latest row counts there too
ON = "on"


@dataclass(frozen=True)
class Pause:
    """Who paused the site, and when."""

    actor: str
    since: datetime


def paused(session: Session) -> Pause | None:
    """The pause that is on, if any."""
    query = select(Activation).where(Activation.role == SWITCH).order_by(Activation.id.desc()).limit(1)
    last = session.scalars(query).first()
    return Pause(last.actor, last.activated_at) if last is not None and last.model == ON else None


def turn(session: Session, *, on: bool, actor: str) -> bool:
    """Pause the site, or resume. Returns whether that changed anything; an audit event says who did it."""
    audit.lock(session)  # of two at once, the second finds it done
    if (paused(session) is not None) == on:
        return False
    now = session.execute(select(db_now())).scalar_one()
    session.add(Activation(role=SWITCH, model=ON if on else None, actor=actor, activated_at=now))
    session.flush()
    audit.append(session, [audit.Event("site.paused" if on else "site.resumed", None, {"actor": actor})])
    return True


def put_off(session: Session, chunk_id: str) -> None:
    """Note that the message of a waiting chunk is used up, so that it is sent again after the pause."""
    put = session.execute(
        update(Chunk)
        .where(Chunk.id == chunk_id, Chunk.state == ChunkState.WAITING)
        .values(sent_at=None)
        .returning(Chunk.id)
        .execution_options(synchronize_session=False)
    ).first()
    if put is not None:
        session.execute(
            update(Image)
            .where(Image.chunk_id == chunk_id, Image.state == ImageState.QUEUED)
            .values(state=ImageState.WAITING)
            .execution_options(synchronize_session=False)
        )
