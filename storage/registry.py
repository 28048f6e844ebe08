"""Which model version has which role at this site, and who gave it that role."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalogue import DEFAULT_MODEL
from models.manifest import Manifest
from models.scoring import scoring_sha256
from storage import audit
from storage.clock import db_now
from storage.name_on_record import expect_same_weights
from storage.schema import Activation
from storage.states import Role

MODEL = "DERMSCREEN_MODEL"  # in the environment: overrides the registry for this process


def active_model(session: Session) -> str:
    """Name of the model version that screens new batches: the environment's, the activated one, or the shipped one."""
    return os.environ.get(MODEL) or str(filled_by(Role.ACTIVE, _holder(session, Role.ACTIVE)))


def filled_by(role: Role, holder: str | None) -> str | None:
    """Name of the model version that does what the role is for: where nobody holds that of the active, the shipped."""
    return holder or (DEFAULT_MODEL if role is Role.ACTIVE else None)


def shadow_model(session: Session) -> str | None:
    """Name of the model version that scores beside the active one, if any."""
    return _holder(session, Role.SHADOW)


def _holder(session: Session, role: Role) -> str | None:
    query = select(Activation.model).where(Activation.role == role).order_by(Activation.id.desc()).limit(1)
    return session.scalars(query).first()


def record_registration(session: Session, manifest: Manifest, actor: str) -> None:
    """Note on the audit chain that a model version was put into the data folder. Raises as `expect_same_weights`."""
    audit.lock(session)  # of two at once, on two hosts, the second finds the first
    expect_same_weights(session, manifest)
    facts: dict[str, str | int | None] = {
        "model": manifest.name,
        "weights": manifest.weights_sha256,
        "scoring": scoring_sha256(manifest),
        "architecture": manifest.architecture,
        "preprocessing": manifest.preprocessing,
        "actor": actor,
    }
    audit.append(session, [audit.Event("model.registered", None, facts)])


def record_repair(session: Session, manifest: Manifest, parts: Sequence[str], actor: str) -> None:
    """Note on the audit chain that damaged parts of a model version were put right in the data folder."""
    facts: dict[str, str | int | None] = {
        "model": manifest.name,
        "weights": manifest.weights_sha256,
        "parts": ", ".join(parts),
        "actor": actor,
    }
    audit.append(session, [audit.Event("model.repaired", None, facts)])


def give_role(session: Session, role: Role, manifest: Manifest | None, actor: str) -> str | None:
    """Give a role to a model version (None: to nobody) and return who held it before. An audit event says so.

    Both name holders: nobody holds a role that `filled_by` fills, and another release may fill it with another.
    Raises ModelInvalid as `expect_same_weights`.
    """
    audit.lock(session)  # of two activations at once, the second names the first as the old one
    if manifest is not None:
        expect_same_weights(session, manifest)
    before = _holder(session, role)
    now = session.execute(select(db_now())).scalar_one()
    name = manifest.name if manifest else None
    session.add(Activation(role=role, model=name, actor=actor, activated_at=now))
    session.flush()
    facts: dict[str, str | int | None] = {
        "role": role,
        "old": before,
        "new": name,
        "weights": manifest.weights_sha256 if manifest else None,
        "scoring": scoring_sha256(manifest) if manifest else None,
        "actor": actor,
    }
    audit.append(session, [audit.Event("model.activated", None, facts)])
    return before
