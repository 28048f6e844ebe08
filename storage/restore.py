"""A backup becomes the database again, in one transaction: whole, or not at all."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, exists, func, insert, select, table, text, update
from sqlalchemy.orm import Session

from models.errors import PassingFault, ProofBroken, UsageFault
from storage import audit
from storage.audit.restoring import RestoreNote, noted
from storage.backup_file import Backup, check, read
from storage.database import Database
from storage.erased import erase_again
from storage.grants import give_back, rights
from storage.migrate import lock_schema, migrate, refuse_newer, revision_of
from storage.migrations import HEAD
from storage.restored_rows import Loader, copies_in_any_order, count_on
from storage.schema import AuditEvent, Base, Chunk, Image, Worker
from storage.settings import Settings
from storage.states import UNFINISHED, ChunkState, ImageState

TRIES = 4  # against writers that hold the database, or that we and they wait for each other
_ERASED = select(AuditEvent.body).where(AuditEvent.event == "image.erased")
_OPEN_CHUNKS = (ChunkState.WAITING, ChunkState.RUNNING)


@dataclass(frozen=True)
class Restored:
    """What was done: the backup, the images that have still to be screened, and the audit events it replaced.

    ``erased_again``: images that the replaced database had erased and the backup had not.
    """

    backup: Backup
    unfinished: int
    replaced_events: int
    erased_again: int = 0


@dataclass(frozen=True)
class _Before:
    """What has to be known of the database that is replaced."""

    attempts: dict[str, int]  # of its open chunks: a worker may hold one at this moment
    workers: list[dict[str, Any]]  # they are alive or not whatever is restored
    events: int
    last_hash: str
    erased: list[dict[str, Any]] = field(default_factory=list)  # its events `image.erased`


def restore(database: Database, path: Path, *, replace: bool, settings: Settings | None = None) -> Restored:
    """Load a backup. The file is read to its end and checked before the database is touched.

    A backup of an older release is brought up to this release's schema on the way. Every unfinished image waits
    again, whoever held it, and what such a holder still writes is refused. The restored audit chain goes on with
    an event that names the backup, and the end of the chain that it replaced; with ``settings``, a signed line among
    the checkpoints says the same, so that `screen audit verify` can tell it from a database that somebody rolled back.
    What was erased in the replaced database and is not in the backup is erased again, by the number and checksum of
    each image. In PostgreSQL roles keep their rights on the tables.

    Raises UsageFault when the file is no backup, was made by a newer release, or the database holds anything and
    ``replace`` is false; ProofBroken when the file is damaged; PassingFault when the database is busy.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageFault(f"{path} cannot be read: {error.strerror}") from error
    with file:
        backup = check(path, file)
        refuse_newer(backup.header.schema)
        with noted(settings) as note:
            for again in range(TRIES - 1, -1, -1):
                try:
                    done = _load(database, path, file, backup, replace, note)
                    break
                except PassingFault:
                    if not again:
                        raise
                    time.sleep(1)
            note.done(database)
    return done


def _load(
    database: Database, path: Path, file: IO[bytes], backup: Backup, replace: bool, note: RestoreNote
) -> Restored:
    with database.write() as session:
        connection = session.connection()
        _lock(connection)
        before = _before(session, replace)
        there = _tables(connection)
        tables = [*there, "alembic_version"] if there else []  # of new ones, roles have what they get by default
        roles = rights(connection, tables)
        _drop(connection)
        migrate(connection, backup.header.schema)
        loader = Loader(connection)
        with copies_in_any_order(connection):
            read(path, file, loader.begin)
            loader.flush()
        if loader.rows != backup.rows:
            raise ProofBroken(f"the backup {path} changed while it was read; nothing was restored")
        migrate(connection, HEAD)
        count_on(connection)
        give_back(connection, tables, roles)
        unfinished = _void_leases(session, before.attempts)
        if before.workers:
            session.execute(insert(Worker), before.workers)
        facts: dict[str, str | int | None] = {
            "sha256": backup.sha256, "taken_at": backup.header.taken_at, "schema": backup.header.schema,
            "unfinished": unfinished,
        }  # fmt: skip
        if before.events:
            facts |= {"replaced_events": before.events, "replaced_hash": before.last_hash}
        audit.append(session, [audit.Event("database.restored", None, facts)])
        again = erase_again(session, before.erased)
        note.before_commit(session, before.events, before.last_hash)
    return Restored(backup, unfinished - again.unscreened, before.events, again.images)


def _lock(connection: Connection) -> None:
    """Wait for those who write and keep everybody waiting until the commit."""
    lock_schema(connection)
    if connection.dialect.name == "postgresql":
        # chunks first: workers touch them first too, so that hardly ever each of us waits for the other
        names = sorted(_tables(connection), key=lambda name: name != Chunk.__tablename__)
        if names:
            connection.execute(text(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"))


def _tables(connection: Connection) -> list[str]:
    """Names of our tables that the database has, in the order of their references."""
    there = {found[0] for found in connection.execute(text(_TABLES[connection.dialect.name]))}
    return [known.name for known in Base.metadata.sorted_tables if known.name in there]


def _before(session: Session, replace: bool) -> _Before:
    found = revision_of(session.connection())
    refuse_newer(found)
    if found is None:
        return _Before({}, [], 0, "")
    if not replace and _holds_anything(session):
        raise UsageFault(
            "the database is not empty: expected an empty one, or --replace to lose what it holds; "
            "take a backup of it first"
        )
    last = session.execute(select(AuditEvent.seq, AuditEvent.hash).order_by(AuditEvent.seq.desc()).limit(1)).first()
    open_chunks = select(Chunk.id, Chunk.attempt).where(Chunk.state.in_(_OPEN_CHUNKS))
    return _Before(
        attempts={row.id: row.attempt for row in session.execute(open_chunks)},
        workers=[dict(row) for row in session.execute(select(*Worker.__table__.columns)).mappings()]
        if found == HEAD
        else [],
        events=last.seq if last else 0,
        last_hash=last.hash if last else "",
        erased=[json.loads(body) for body in session.scalars(_ERASED)],
    )


def _holds_anything(session: Session) -> bool:
    """Whether any table has a row; a worker that waits for its first batch does not count."""
    names = [name for name in _tables(session.connection()) if name != Worker.__tablename__]
    return any(session.scalar(select(exists().select_from(table(name)))) for name in names)


_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))",
}


def _drop(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))  # until the commit; a DROP deletes row by row
    for known in [*(found.name for found in reversed(Base.metadata.sorted_tables)), "alembic_version"]:
        connection.execute(text(f"DROP TABLE IF EXISTS {known}"))


def _void_leases(session: Session, attempts: dict[str, int]) -> int:
    """Have every unfinished image wait for a new claim. Returns their number.

    The attempt is a fence: it is raised beyond that of any worker that holds the chunk now.
    """
    again = {"state": ChunkState.WAITING, "sent_at": None, "not_before": None, "lease_until": None, "holder": None}
    session.execute(
        update(Chunk).where(Chunk.state.in_(_OPEN_CHUNKS)).values(**again, attempt=Chunk.attempt + 1),
        execution_options={"synchronize_session": False},
    )
    for chunk_id, attempt in attempts.items():
        session.execute(
            update(Chunk).where(Chunk.id == chunk_id, Chunk.attempt <= attempt).values(attempt=attempt + 1),
            execution_options={"synchronize_session": False},
        )
    session.execute(
        update(Image).where(Image.state.in_(UNFINISHED)).values(state=ImageState.WAITING),
        execution_options={"synchronize_session": False},
    )
    return session.scalar(select(func.count()).select_from(Image).where(Image.state.in_(UNFINISHED))) or 0
