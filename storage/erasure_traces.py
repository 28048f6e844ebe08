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
    """Backups that hold one of these batches, oldest first: at (when it was made), sha256.

    Those made since the first of them came in, and those that this database was restored from: what lies in a backup
    does not say that it was made.
    """
    firsts = []
    for page in pages(batches, PAGE):
        firsts.append(session.scalar(select(func.min(Batch.created_at)).where(Batch.id.in_(page))))
    since = min((first for first in firsts if first), default=None)
    if since is None:
        return []
    query = (
        select(AuditEvent.body)
        .where(AuditEvent.event.in_(("database.backed_up", "database.restored")), AuditEvent.at >= since)
        .order_by(AuditEvent.seq)
    )
    said = map(json.loads, session.scalars(query))
    return [{"at": told.get("taken_at") or told["at"], "sha256": told["sha256"]} for told in said]
