"""Threshold policies: append-only versions of the operating point that judges."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.manifest import Manifest
from models.rounding import text
from storage import audit
from storage.clock import db_now
from storage.database import Database
from storage.decisions import policy_hash
from storage.schema import Policy


def current(session: Session, manifest: Manifest) -> tuple[Policy, list[audit.Event]]:
    """The policy of a model's default operating point, and the audit event if it had to be made.

    A threshold that differs from the stored one makes a new version; old decisions keep pointing at the old.
    """
    audit.lock(session)  # of two first batches at once, one makes the version and the other finds it
    point = manifest.default
    latest = _latest(session, manifest)
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


def settled(database: Database, manifest: Manifest) -> Policy:
    """The policy of a model's default operating point, made in a transaction of its own if there is none yet."""
    with database.read() as session:
        latest = _latest(session, manifest)
    if latest is not None and latest.threshold == manifest.default.threshold:
        return latest
    with database.write() as session:
        policy, events = current(session, manifest)
        audit.append(session, events)
    return policy


def _latest(session: Session, manifest: Manifest) -> Policy | None:
    of_point = Policy.model == manifest.name, Policy.name == manifest.default.name
    return session.scalars(select(Policy).where(*of_point).order_by(Policy.version.desc()).limit(1)).first()
