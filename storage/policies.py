"""Threshold policies: append-only versions of the operating point that judges."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.manifest import Manifest
from models.rounding import text
from storage import audit
from storage.clock import db_now
from storage.decisions import policy_hash
from storage.schema import Policy


def current(session: Session, manifest: Manifest) -> tuple[Policy, list[audit.Event]]:
    """The policy of a model's default operating point, and the audit event if it had to be made.

    A threshold that differs from the stored one makes a new version; old decisions keep pointing at the old.
    """
    audit.lock(session)  # of two first batches at once, one makes the version and the other finds it
    point = manifest.default
    latest = session.scalars(
        select(Policy)
        .where(Policy.model == manifest.name, Policy.name == point.name)
        .order_by(Policy.version.desc())
        .limit(1)
    ).first()
    if latest is not None and latest.threshold == point.threshold:
        return latest, []
    version = latest.version + 1 if latest else 1
    now = session.execute(select(db_now())).scalar_one()
    policy = Policy(model=manifest.name, name=point.name, version=version, threshold=point.threshold, created_at=now)
    session.add(policy)
    session.flush()
    facts: dict[str, str | int | None] = {
        "model": manifest.name,
        "policy": policy.label,
        "policy_hash": policy_hash(policy),
        "old": text(latest.threshold) if latest else None,
        "new": text(point.threshold),
    }
    return policy, [audit.Event("policy.changed", None, facts)]
