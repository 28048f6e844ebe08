"""A site with a chain and checkpoints of it, and an attacker who may write to the database as its administrator may."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text, update

from storage import audit
from storage.audit import checkpoints, second_place
from storage.audit.canonical import canonical
from storage.audit.checking import Lines, check_checkpoints
from storage.audit.link import GENESIS, link_hash
from storage.audit.standalone import Found
from storage.database import Database
from storage.schema import AuditEvent
from storage.settings import Settings

TELL = 4  # events that `tell` appends


@pytest.fixture(autouse=True)
def _second_places_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_place, "_silent_until", 0.0)


@pytest.fixture
def tell(database: Database) -> Callable[[str], None]:
    """Appends TELL events to the chain."""

    def append(word: str = "told") -> None:
        with database.write() as session:
            audit.append(session, [audit.Event(word, None, {"part": part}) for part in range(TELL)])

    return append


@pytest.fixture
def sealed(database: Database, settings: Settings, tell: Callable[..., None]) -> Database:
    """A chain of 13 events with checkpoints at 5 (the fifth names the key), 9 and 13."""
    for _ in range(3):
        tell()
        assert checkpoints.take(database, settings)
    return database


@pytest.fixture
def verify(database: Database, settings: Settings) -> Callable[..., Found]:
    """Verifies the chain and its checkpoints, as `screen audit verify` does."""

    def check(*further: str, pinned: tuple[str, ...] = (), heads: tuple[tuple[int, str], ...] = ()) -> Found:
        lines = Lines.read(settings, further)
        with database.snapshot() as session:
            audit.verify(session)
            return check_checkpoints(session, settings, lines, pinned, heads)

    return check


class Attacker:
    """Writes to the tables past every trigger."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def cut(self, after: int) -> None:
        """Take away all events after one."""
        self._do(lambda connection: connection.execute(text(f"DELETE FROM audit_events WHERE seq > {after}")))

    def forge(self, seq: int, word: str = "forged") -> None:
        """Change one event and compute anew every hash from there on."""

        def rewrite(connection: Connection) -> None:
            columns = AuditEvent.seq, AuditEvent.at, AuditEvent.body
            rows = connection.execute(select(*columns).order_by(AuditEvent.seq)).all()
            previous = GENESIS
            for row in rows:
                values = {"body": row.body}
                if row.seq == seq:
                    at = row.at.isoformat()
                    values = {"body": canonical({"at": at, "batch": "", "event": word}), "event": word}
                link = link_hash(row.seq, previous, values["body"])
                change = update(AuditEvent).where(AuditEvent.seq == row.seq)
                connection.execute(change.values(previous=previous, hash=link, **values))
                previous = link

        self._do(rewrite)

    def _do(self, deed: Callable[[Connection], object]) -> None:
        with self.database.engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
            if connection.dialect.name == "sqlite":
                triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
                for trigger in triggers:
                    connection.execute(text(f"DROP TRIGGER {trigger.name}"))
                deed(connection)
                for trigger in triggers:
                    connection.exec_driver_sql(trigger.sql)
            else:
                connection.execute(text("ALTER TABLE audit_events DISABLE TRIGGER USER"))
                deed(connection)
                connection.execute(text("ALTER TABLE audit_events ENABLE TRIGGER USER"))


@pytest.fixture
def attacker(database: Database) -> Attacker:
    return Attacker(database)


@pytest.fixture
def older_copy(tmp_path: Path) -> Callable[[Database], Callable[[], None]]:
    """Copies a SQLite database now; what it returns puts the copy back."""

    def copy(database: Database) -> Callable[[], None]:
        path = Path(database.engine.url.database or "")
        with closing(database.engine.raw_connection()) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]  # sqlite3's own
        shutil.copy(path, tmp_path / "older.db")

        def put_back() -> None:
            database.engine.dispose()
            for name in ("-wal", "-shm"):
                path.with_name(path.name + name).unlink(missing_ok=True)
            shutil.copy(tmp_path / "older.db", path)

        return put_back

    return copy
