"""The settings that a site's processes run with, on the audit chain whenever they are others than before."""

from __future__ import annotations

import json
import os
import socket

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit
from storage.registry import MODEL
from storage.schema import AuditEvent
from storage.secrets import hide_secrets
from storage.settings import Settings

EVENT = "configuration.changed"


def note(session: Session, settings: Settings) -> bool:
    """Append an event when the settings differ from the last ones that this host noted. Returns whether they did."""
    audit.lock(session)
    new = _text(settings)
    old = _last(session, socket.gethostname())
    if new == old:
        return False
    audit.append(session, [audit.Event(EVENT, None, {"old": old, "new": new})])
    return True


def _text(settings: Settings) -> str:
    """One line of JSON, without the secrets of its URLs."""
    said = {
        "home": str(settings.home),
        "broker": hide_secrets(settings.broker_url) if settings.broker_url else "embedded",
        "database": hide_secrets(settings.database_url) if settings.database_url else "embedded",
        "lease_seconds": settings.lease_seconds,
        "visibility_seconds": settings.visibility_seconds,
        "audit_key": str(settings.audit_key) if settings.audit_key else "in the data folder",
        "checkpoints": hide_secrets(settings.checkpoints_url) if settings.checkpoints_url else "in the data folder",
        "model": os.environ.get(MODEL) or "as activated",
    }
    return json.dumps(said, sort_keys=True)


def _last(session: Session, host: str) -> str | None:
    query = select(AuditEvent.body).where(AuditEvent.event == EVENT).order_by(AuditEvent.seq.desc())
    for text in session.scalars(query):
        body = json.loads(text)
        if body["host"] == host:
            return str(body["new"])
    return None
