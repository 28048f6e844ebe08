"""A backup of all tables as they stood at one moment, while workers go on writing."""

from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import select

from models.errors import UsageFault
from models.whole_file import whole_binary_file
from storage import audit
from storage.backup_file import Backup, Header, Table, Writer
from storage.clock import Moment, db_now
from storage.database import Database
from storage.migrations import HEAD
from storage.schema import Base

FULL = (errno.ENOSPC, errno.EDQUOT)
PAGE = 1_000  # rows fetched at once: memory stays flat however many there are


def write_backup(database: Database, path: Path) -> Backup:
    """Write a backup and note its SHA-256 as an audit event; that event is the first thing that is not in it.

    All tables are read in one transaction that sees one state: SQLite's write-ahead log keeps it, PostgreSQL's
    REPEATABLE READ. The file takes its name when it is whole, and is readable by its owner alone: it holds the
    names of images.

    Raises UsageFault when the file exists or cannot be made there, PassingFault when the database does not answer,
    OSError when the disk is full.
    """
    try:
        if path.exists():
            raise UsageFault(f"{path} exists: a backup overwrites nothing, choose another name")
        made = _written(database, path)
    except OSError as error:
        if error.errno in FULL:  # no fault of the name
            raise
        raise UsageFault(f"the backup cannot be written to {path}, nothing was: {error.strerror or error}") from error
    with database.write() as session:
        facts: dict[str, str | int | None] = {"sha256": made.sha256, "taken_at": made.header.taken_at}
        audit.append(session, [audit.Event("database.backed_up", None, facts)])
    return made


def _written(database: Database, path: Path) -> Backup:
    with whole_binary_file(path) as file, database.snapshot() as session:
        connection = session.connection()
        taken_at = connection.execute(select(db_now())).scalar_one().isoformat()
        writer = Writer(file, Header(HEAD, software(), taken_at, connection.dialect.name))
        for table in Base.metadata.sorted_tables:
            names = [column.name for column in table.columns]
            moments = [column.name for column in table.columns if isinstance(column.type, Moment)]
            # by key: a copy of an image has a higher id than the image that it refers to
            rows = connection.execution_options(yield_per=PAGE).execute(select(table).order_by(*table.primary_key))
            writer.table(Table(table.name, names, moments), rows)
        return writer.finish()


def software() -> str:
    """The version of dermscreen, as installed."""
    try:
        return version("dermscreen")
    except PackageNotFoundError:
        return "unknown"
