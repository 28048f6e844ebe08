"""Where names may still lie that no command can erase: reports that have left, and backups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from storage.paging import pages
from storage.schema import AuditEvent, Batch, Image

PAGE = 500


def anything_erased(session: Session) -> bool:
    """Whether an image was ever erased."""
    return session.scalar(select(exists().where(Image.erased_at.is_not(None)))) or False


def reports_of(session: Session, batches: Sequence[str]) -> list[dict[str, Any]]:
    """Reports of these batches that have left, oldest first: batch, at, sha256, and format and receiver if known."""
    found = []
    for page in pages(batches, PAGE):
        query = (
            select(AuditEvent.body)
            .where(AuditEvent.batch_id.in_(page), AuditEvent.event == "report.exported")
            .order_by(AuditEvent.seq)
        )
        for told in map(json.loads, session.scalars(query)):
            found.append({key: told.get(key) for key in ("batch", "at", "sha256", "format", "receiver")})
    return found


def backups_since(session: Session, batches: Sequence[str]) -> list[dict[str, Any]]:
    """Backups made since the first of these batches came in, oldest first: at, sha256."""
    firsts = []
    for page in pages(batches, PAGE):
        firsts.append(session.scalar(select(func.min(Batch.created_at)).where(Batch.id.in_(page))))
    since = min((first for first in firsts if first), default=None)
    if since is None:
        return []
    query = (
        select(AuditEvent.body)
        .where(AuditEvent.event == "database.backed_up", AuditEvent.at >= since)
        .order_by(AuditEvent.seq)
    )
    return [{key: told.get(key) for key in ("at", "sha256")} for told in map(json.loads, session.scalars(query))]
