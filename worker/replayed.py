"""One image scored again, beside what is on record of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from models.answers import ClassProbabilities
from models.rounding import decimal, text
from storage.decisions import Scored, decide
from storage.predictions import classes_of_text
from storage.replay import Record

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Score:
    """What the network says now: probability (0..1), why the picture cannot be graded, and of several classes each."""

    probability: float
    ungradable: str | None
    classes: ClassProbabilities | None = None


@dataclass(frozen=True)
class Replayed:
    """An image on record, and what it is now.

    ``now``: decimal text, None where the image could not be scored, with ``why_not``. ``difference``: the largest
    of a probability, 0..1, exact in decimal text. ``disagreements``: where the database's rows say something else than
    the audit chain, or are gone: no score is needed to see that they were changed.
    """

    record: Record
    now: str | None
    why_not: str = ""
    difference: Decimal = NOTHING
    outcome: str = ""
    reason: str | None = None
    disagreements: list[str] = field(default_factory=list)

    @property
    def outcome_changed(self) -> bool:
        return self.now is not None and self.outcome != self.record.outcome

    @property
    def identical(self) -> bool:
        """Every digit, the outcome and the reason: as they are on record."""
        same = self.now == self.record.probability and self.difference == NOTHING and self.reason == self.record.reason
        return same and not self.outcome_changed and not self.disagreements

    def broken(self, tolerance: Decimal) -> list[str]:
        """What of the record does not hold, in words; empty where the replay bears it out.

        A number in the text of a reason may move with an engine's last digits; another kind of reason may not.
        """
        return [*self.disagreements, *self._deviations(tolerance)]

    def _deviations(self, tolerance: Decimal) -> Iterator[str]:
        if self.now is None or self.record.probability is None:
            return
        if self.difference > tolerance:
            if self.now != self.record.probability:
                yield f"probability {self.record.probability} on record, {self.now} now"
            else:
                yield f"the probability of a class differs by {self.difference}"
        if self.outcome_changed:
            yield f"outcome {self.record.outcome} on record, {self.outcome} now"
        if _kind(self.reason) != _kind(self.record.reason):
            yield f"reason {self.record.reason or 'none'} on record, {self.reason or 'none'} now"


def compare(record: Record, score: Score) -> Replayed:
    """Judge a new score by the policy on record, and set both side by side."""
    outcome = decide(Scored(0, decimal(score.probability), score.ungradable), record.threshold)
    now = text(decimal(score.probability))
    differences = list(_class_differences(record.classes, score.classes))
    if record.probability is not None:
        differences.append(abs(Decimal(now) - Decimal(record.probability)))
    largest = max(differences, default=NOTHING)
    return Replayed(record, now, "", largest, outcome, score.ungradable, list(disagreements(record)))


def not_replayable(record: Record, why_not: str) -> Replayed:
    """An image that cannot be scored again. Its rows are still held against the audit chain."""
    return Replayed(record, None, why_not, disagreements=list(disagreements(record)))


def disagreements(record: Record) -> Iterator[str]:
    """Where the rows of an image differ from one another or from the audit event that recorded its decision."""
    if record.probability is None:
        yield "its decision or prediction is gone from the database"
        return
    if record.reason != record.graded:
        yield f"the decision says {record.reason or 'no reason'}, the prediction {record.graded or 'no reason'}"
    if not record.decided:
        yield "the audit chain holds no decision of it"
        return
    rows = {
        "checksum": record.image.checksum,
        "probability": record.probability,
        "outcome": record.outcome,
        "reason": record.reason,
        "threshold": text(record.threshold),
        "policy": record.policy,
        "model": record.model,
    }
    for name, row in rows.items():
        if (said := record.decided.get(name)) != row:
            yield f"{name} {row or 'none'} in the database, {said or 'none'} on the audit chain"
    if classes_of_text(record.decided.get("classes")) != record.classes:
        yield "the probabilities of the classes in the database are not those on the audit chain"


def _class_differences(then: ClassProbabilities | None, now: ClassProbabilities | None) -> Iterator[Decimal]:
    for name in {**(then or {}), **(now or {})}:
        both = [Decimal(text((said or {}).get(name, 0.0))) for said in (then, now)]
        yield abs(both[0] - both[1])


def _kind(reason: str | None) -> str | None:
    return reason and reason.partition(":")[0]
