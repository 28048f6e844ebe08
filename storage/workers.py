"""Which workers are alive, by the database's clock and, on this machine, by their processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.clock import db_now
from storage.processes import certainly_gone
from storage.schema import Worker

HEARTBEAT_SECONDS = 5.0
SILENT_SECONDS = 20.0  # without a heartbeat for so long a worker counts as gone


@dataclass(frozen=True)
class LiveWorker:
    """A worker that said so within SILENT_SECONDS."""

    id: str
    host: str
    pid: int
    device: str
    started_at: datetime


def sign_on(session: Session, worker_id: str, host: str, pid: int, device: str) -> None:
    """Note that a worker started."""
    now = session.execute(select(db_now())).scalar_one()
    session.merge(
        Worker(
            id=worker_id, host=host, pid=pid, device=device, started_at=now, seen_at=now, stopped_at=None, refused=None
        )
    )


def heartbeat(session: Session, worker_id: str) -> str | None:
    """Note that a worker is alive; returns why it must not go on, if its processes found the model invalid."""
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(seen_at=db_now()),
        execution_options={"synchronize_session": False},
    )
    return session.scalars(select(Worker.refused).where(Worker.id == worker_id)).first()


def refuse(session: Session, worker_id: str, reason: str) -> None:
    """Note that a worker may not screen."""
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(refused=reason),
        execution_options={"synchronize_session": False},
    )


def sign_off(session: Session, worker_id: str) -> None:
    """Note that a worker stopped."""
    session.execute(
        update(Worker).where(Worker.id == worker_id).values(stopped_at=db_now()),
        execution_options={"synchronize_session": False},
    )


def alive(session: Session) -> list[LiveWorker]:
    """The workers that are alive and do not refuse to screen, oldest first."""
    rows = session.scalars(
        select(Worker)
        .where(Worker.stopped_at.is_(None), Worker.refused.is_(None), Worker.seen_at > db_now(-SILENT_SECONDS))
        .order_by(Worker.started_at)
    )
    return [
        LiveWorker(row.id, row.host, row.pid, row.device, row.started_at) for row in rows if not certainly_gone(row.id)
    ]
