"""The counts of a batch, and the equation that it closes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import UsageFault
from storage.clock import db_now
from storage.schema import Batch, Decision, Image
from storage.states import ImageState, Outcome


@dataclass(frozen=True)
class Counts:
    """received = screened + duplicate + rejected + failed once complete; screened = flagged + clear + review."""

    batch: str
    state: str
    received: int
    screened: int
    duplicate: int
    rejected: int
    failed: int
    flagged: int
    clear: int
    review: int
    seconds: float

    @property
    def finished(self) -> int:
        return self.screened + self.duplicate + self.rejected + self.failed

    @property
    def adds_up(self) -> bool:
        return self.received == self.finished and self.screened == self.flagged + self.clear + self.review

    @property
    def equation(self) -> str:
        return (
            f"{self.received} received = {self.screened} screened + {self.duplicate} duplicate "
            f"+ {self.rejected} rejected + {self.failed} failed"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def counts(session: Session, batch_id: str) -> Counts:
    """The counts of one batch so far. Raises UsageFault when there is no such batch."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise UsageFault(f"there is no batch {batch_id!r}; `screen status` lists them")
    states: dict[str, int] = dict(
        session.execute(select(Image.state, func.count()).where(Image.batch_id == batch_id).group_by(Image.state)).all()
    )
    outcomes: dict[str, int] = dict(
        session.execute(
            select(Decision.outcome, func.count())
            .where(Decision.batch_id == batch_id, Decision.policy_id == batch.policy_id)
            .group_by(Decision.outcome)
        ).all()
    )
    until = batch.closed_at or session.execute(select(db_now())).scalar_one()
    return Counts(
        batch=batch.id,
        state=batch.state,
        received=sum(states.values()),
        screened=states.get(ImageState.SCREENED, 0),
        duplicate=states.get(ImageState.DUPLICATE, 0),
        rejected=states.get(ImageState.REJECTED, 0),
        failed=states.get(ImageState.FAILED, 0),
        flagged=outcomes.get(Outcome.FLAGGED, 0),
        clear=outcomes.get(Outcome.CLEAR, 0),
        review=outcomes.get(Outcome.REVIEW, 0),
        seconds=round((until - batch.created_at).total_seconds(), 3),
    )


def batch_ids(session: Session, wanted: Sequence[str] = ()) -> list[str]:
    """Ids of the named batches, or of all, oldest first. Raises UsageFault for one that does not exist."""
    if not wanted:
        return list(session.scalars(select(Batch.id).order_by(Batch.created_at, Batch.id)))
    found = set(session.scalars(select(Batch.id).where(Batch.id.in_(wanted))))
    for batch_id in wanted:
        if batch_id not in found:
            raise UsageFault(f"there is no batch {batch_id!r}; `screen status` lists them")
    return list(dict.fromkeys(wanted))
