"""From a probability to an outcome."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.quality import for_review
from models.rounding import text
from storage.audit.canonical import canonical
from storage.clock import db_now
from storage.engines import Computed
from storage.schema import Decision, Policy
from storage.states import Outcome


@dataclass(frozen=True)
class Scored:
    """What is known about bytes: the prediction's row, its probability (0..1), and why it cannot be graded.

    ``classes``: the stored text of the probabilities of several classes (storage.predictions). ``computed``: with what;
    not known of predictions made before schema 0005.
    """

    prediction_id: int
    probability: float
    ungradable: str | None
    classes: str | None = None
    preprocessing: str | None = None
    computed: Computed | None = None


def outcome_of(probability: float, ungradable: str | None, threshold: float) -> Outcome:
    """The outcome under a threshold (0..1): flagged at or above it, unless it is for review (`models.quality`)."""
    flagged = probability >= threshold
    if for_review(ungradable, flagged=flagged):
        return Outcome.REVIEW
    return Outcome.FLAGGED if flagged else Outcome.CLEAR


def decide(scored: Scored, threshold: float) -> Outcome:
    """`outcome_of` of what is known about bytes."""
    return outcome_of(scored.probability, scored.ungradable, threshold)


def insert_decisions(session: Session, batch_id: str, policy: Policy, scored: list[tuple[int, Scored]]) -> None:
    """Decide (image id, prediction) pairs under a policy and store the decisions."""
    if not scored:
        return
    now = session.execute(select(db_now())).scalar_one()
    rows = [
        {
            "batch_id": batch_id, "image_id": image_id, "prediction_id": item.prediction_id,
            "policy_id": policy.id, "outcome": decide(item, policy.threshold), "reason": item.ungradable,
            "created_at": now,
        }
        for image_id, item in scored
    ]  # fmt: skip
    session.execute(insert(Decision), rows)


def decision_facts(scored: Scored, policy: Policy) -> dict[str, str | int | None]:
    """What the audit chain says of a decision. Numbers are decimal text: floats have no canonical form."""
    facts: dict[str, str | int | None] = {
        "probability": text(scored.probability),
        "threshold": text(policy.threshold),
        "policy": policy.label,
        "policy_hash": policy_hash(policy),
        "model": policy.model,
        "preprocessing": scored.preprocessing,
        "outcome": decide(scored, policy.threshold),
        "reason": scored.ungradable,
        "classes": scored.classes,
    }
    if scored.computed:
        facts |= {
            "weights": scored.computed.weights,
            "libraries": scored.computed.libraries,
            "device": scored.computed.device,
        }
    return facts


def policy_hash(policy: Policy) -> str:
    """SHA-256 of the canonical text of a policy: what judged, whatever a row may say later. 64 hexadecimal digits."""
    return _policy_hash(policy.model, policy.name, policy.version, text(policy.threshold))


@lru_cache(maxsize=16)  # one policy judges a whole batch
def _policy_hash(model: str, name: str, version: int, threshold: str) -> str:
    said: dict[str, str | int] = {"model": model, "name": name, "version": version, "threshold": threshold}
    return hashlib.sha256(canonical(said).encode()).hexdigest()
