"""Reports that are due when a batch is complete (nightly runs): the flagged lesions, and a summary of all images."""

from __future__ import annotations

from errno import ENOENT
from pathlib import Path

from sqlalchemy import select, update

from models.errors import PassingFault
from models.whole_file import whole_file, written_digest
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


def require_folder(folder: Path) -> None:
    """Raises OSError unless a reports folder is there. None is made at night, when its share may not be mounted."""
    if not folder.is_dir():
        raise FileNotFoundError(ENOENT, "the reports folder is not there")


def write_due_exports(database: Database) -> list[tuple[Path, Path]]:
    """Write the flagged lesions and the summary of every complete batch that owes them; returns both files of each.

    Writing them twice (two processes at once, or a crash before the note) gives the same files again. A folder that
    cannot be written holds up no other batch: raises PassingFault at the end, for the first of them.
    """
    with database.read() as session:
        due = session.execute(
            select(Batch.id, Batch.export_folder, Batch.closed_at).where(
                Batch.state == BatchState.COMPLETE, Batch.export_folder.is_not(None), Batch.exported_at.is_(None)
            )
        ).all()
    written, faults = [], list[PassingFault]()
    for batch_id, folder, closed_at in due:
        paths = export_paths(folder, batch_id)
        try:
            require_folder(paths[0].parent)
            facts = _write(database, batch_id, *paths)
        except OSError as error:
            fault = PassingFault(f"the report of batch {batch_id} cannot be written yet: {error.strerror}")
            fault.__cause__ = error
            faults.append(fault)
            continue
        with database.write() as session:
            audit.lock(session)  # before the batch's row, as `screen retry` and an erasure do: neither waits for us
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
        written.append(paths)
    if faults:
        raise faults[0]
    return written


def _write(database: Database, batch_id: str, path: Path, beside: Path) -> dict[str, str | int | None]:
    """Write both files; returns what the audit trail says of them. Raises OSError."""
    with database.snapshot() as session:  # both files and the head are of one moment
        with whole_file(path) as file:
            write_csv(file, rows(session, [batch_id], flagged_only=True))
            digest = written_digest(file)
        head = head_of(session)
        with whole_file(beside) as file:
            write_summary(file, session, batch_id, path.name)
            summary = written_digest(file)
    return {"sha256": digest, "summary_sha256": summary, "audit_size": head.size, "audit_head": head.hash}
