"""Two model versions over the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from storage.decisions import outcome_of
from storage.paging import pages
from storage.schema import Image, Prediction
from storage.states import Outcome

NAMED_AT_ONCE = 5_000  # checksums of a query: databases take 32,766 values and more


@dataclass(frozen=True)
class Pair:
    """What two model versions said about the same bytes: the checksum, both probabilities, 0..1, and why the picture
    cannot be graded, if so: a distance from what the network learned from is each version's own.
    """

    checksum: str
    first: float
    second: float
    first_ungradable: str | None = None
    second_ungradable: str | None = None

    @property
    def difference(self) -> float:
        return abs(self.first - self.second)

    def outcomes(self, first: float, second: float) -> tuple[Outcome, Outcome]:
        """What screening makes of the bytes with either version, by the thresholds of both (0..1)."""
        return (
            outcome_of(self.first, self.first_ungradable, first),
            outcome_of(self.second, self.second_ungradable, second),
        )


def pairs(session: Session, first: str, second: str) -> list[Pair]:
    """All bytes that both model versions have scored, in the order of their checksums."""
    one, other = aliased(Prediction), aliased(Prediction)
    query = (
        select(one.checksum, one.probability, other.probability, one.ungradable, other.ungradable)
        .join(other, (other.checksum == one.checksum) & (other.model == second))
        .where(one.model == first)
        .order_by(one.checksum)
    )
    return [Pair(*row) for row in session.execute(query)]


def names_of(session: Session, checksums: list[str]) -> dict[str, str]:
    """checksum -> path as last submitted."""
    names: dict[str, str] = {}
    for page in pages(checksums, NAMED_AT_ONCE):
        of_page = select(func.max(Image.id).label("id")).where(Image.checksum.in_(page))
        latest = of_page.group_by(Image.checksum).subquery()
        rows = session.execute(select(Image.checksum, Image.image).join(latest, Image.id == latest.c.id))
        names |= {row.checksum: row.image for row in rows}
    return names
