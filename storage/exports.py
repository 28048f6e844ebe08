"""Reports that are due when a batch is complete (nightly runs): the flagged lesions, and a summary of all images."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import select, update

from models.errors import PassingFault
from models.whole_file import whole_file
from storage import audit
from storage.audit.head import head_of
from storage.clock import db_now
from storage.database import Database, want_checkpoint
from storage.report import rows, write_csv
from storage.schema import Batch
from storage.states import BatchState
from storage.summary import write_summary


def export_paths(folder: str | None, batch_id: str) -> tuple[Path, Path]:
    """Where the CSV of a batch is written, and its summary."""
    return Path(folder or ".") / f"flagged-{batch_id}.csv", Path(folder or ".") / f"summary-{batch_id}.txt"


def write_due_exports(database: Database) -> list[Path]:
    """Write the flagged lesions and the summary of every complete batch that owes them; returns the files written.

    Writing one twice (two processes at once, or a crash before the note) gives the same file again.
    """
    with database.read() as session:
        due = session.execute(
            select(Batch.id, Batch.export_folder, Batch.closed_at).where(
                Batch.state == BatchState.COMPLETE, Batch.export_folder.is_not(None), Batch.exported_at.is_(None)
            )
        ).all()
    written = []
    for batch_id, folder, closed_at in due:
        path, beside = export_paths(folder, batch_id)
        try:
            with database.read() as session:
                with whole_file(path) as file:
                    write_csv(file, rows(session, [batch_id], flagged_only=True))
                head = head_of(session)
                with whole_file(beside) as file:
                    write_summary(file, session, batch_id, path.name)
        except OSError as error:
            raise PassingFault(f"the report of batch {batch_id} cannot be written yet: {error.strerror}") from error
        facts: dict[str, str | int | None] = {
            "sha256": _digest(path), "summary_sha256": _digest(beside), "audit_size": head.size,
            "audit_head": head.hash,
        }  # fmt: skip
        with database.write() as session:
            noted = session.execute(
                update(Batch)
                .where(Batch.id == batch_id, Batch.exported_at.is_(None), Batch.closed_at == closed_at)
                .values(exported_at=db_now())
                .returning(Batch.id)
            ).first()
            if noted:
                audit.append(session, [audit.Event("report.exported", batch_id, facts)])
                want_checkpoint(session)
            else:  # `screen retry` came in between: what was written lacks its results, so it is due once more
                session.execute(
                    update(Batch)
                    .where(Batch.id == batch_id, Batch.closed_at.is_distinct_from(closed_at))
                    .values(exported_at=None)
                )
        written += [path, beside]
    return written


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
