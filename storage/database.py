"""The database: SQLite in the data folder, or PostgreSQL by URL, behind the same two doors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session

from models.errors import PassingFault, ServiceUnreachable, UsageFault
from models.extras import to_install
from storage.secrets import QUOTING, hide_secrets, misread
from storage.settings import Settings

# Session: for those who are handed one and know no SQL
__all__ = ["Database", "Session", "parsed", "url_of", "want_checkpoint"]

BUSY_TIMEOUT_MS = 30_000  # how long a writer waits for another, or for whoever holds a lock, before it gives up
# Checksums come in no order, so each insert touches another page of their index. With SQLite's own 2 MB the 400,000th
# row cost 2.6 times the first ones, with 64 MB 1.5 times, when images had such an index too; taken only as needed.
CACHE_KIB = 65_536
# Pages in the write-ahead log before they are copied into the database, 32 MB. What many commits change is copied
# once: with SQLite's own 1,000 a worker's steps wrote a sixth more into a database of a million images.
WAL_PAGES = 8_000
WAL_BYTES = 67_108_864  # the write-ahead log of a large batch gives its disk space back down to this
INSUFFICIENT_PRIVILEGE = "42501"  # PostgreSQL, appendix A
DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def url_of(settings: Settings) -> str:
    """The SQLAlchemy URL of a site: its own, with psycopg 3 for PostgreSQL, or SQLite in the data folder."""
    if settings.database_url is None:
        return f"sqlite:///{settings.home / 'dermscreen.db'}"
    url = settings.database_url
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return f"postgresql+psycopg://{url.removeprefix(prefix)}"
    return url


def parsed(url: str) -> URL:
    """The parts of a database's URL. Raises UsageFault, without a part of its password, for one that is none."""
    try:
        made = make_url(url)
        if misread(url, made.host):
            raise ValueError
    except (ArgumentError, ValueError):  # their text may hold a part of the password
        raise _unusable(url, f"it cannot be read: {QUOTING}") from None
    return made


def _unusable(url: str, why: str) -> UsageFault:
    return UsageFault(
        f"the database URL {hide_secrets(url)} cannot be used ({why}); expected sqlite:///FILE or "
        "postgresql://..., the latter with the extra postgres: " + to_install("postgres")
    )


def want_checkpoint(session: Session) -> None:
    """Have a checkpoint of the audit chain written once this transaction is committed."""
    session.info["checkpoint"] = True


class Database:
    """Hands out transactions. ``write`` takes SQLite's write lock at once; ``read`` never blocks a writer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.take_checkpoint: Callable[[], None] | None = None  # raises nothing: what was committed stays so
        try:
            self.engine: Engine = _engine(url)
        except (ImportError, ValueError, ArgumentError) as error:
            raise _unusable(url, str(error)) from error
        self._writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")

    @property
    def shown_url(self) -> str:
        return hide_secrets(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A read-only look: on PostgreSQL each question sees what was committed before it, on SQLite all see one state.

        Raises PassingFault when the database does not answer.
        """
        with self._session(self.engine) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """As ``read``, and all questions see one state, that of the first of them: for answers that are compared."""
        with self._session(self.engine) as session:
            if self.engine.dialect.name == "postgresql":
                session.connection(
                    execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                )
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed at the end of the block, rolled back whole on any error.

        Raises PassingFault when the database is busy or does not answer.
        """
        with self._session(self._writing) as session:
            yield session
            session.commit()
            checkpoint = session.info.get("checkpoint") and self.take_checkpoint
        if checkpoint:
            checkpoint()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with self.told(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def told(self) -> Iterator[None]:
        """What SQLAlchemy raises in this block, as a fault that says who must react; what nobody foresaw as it is.

        Raises PassingFault when the database is busy or does not answer, UsageFault when our role may not do that or
        the file is damaged.
        """
        try:
            yield
        except OperationalError as error:
            if _is_busy(error.orig):
                raise PassingFault(f"the database is busy ({error.orig}); try again") from error
            raise ServiceUnreachable(f"the database {self.shown_url} does not answer: {error.orig}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise ServiceUnreachable(f"the connection to {self.shown_url} broke: {error.orig}") from error
            if getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE:
                raise UsageFault(
                    f"the role of {self.shown_url} may not do this in the database ({error.orig}): expected that the "
                    "owner of its tables ran what `screen db grants ROLE` prints, or that the owner runs this command"
                ) from error
            if getattr(error.orig, "sqlite_errorname", "").startswith(DAMAGED):
                raise UsageFault(
                    f"the file of {self.shown_url} is damaged, or no SQLite database ({error.orig}): correct "
                    "DERMSCREEN_DATABASE_URL, or move the file away and load a backup with `screen db restore`"
                ) from error
            raise

    def busy(self, patience_seconds: float = 0.5) -> bool:
        """Whether another writer keeps others waiting for so long. Changes nothing.

        Raises PassingFault when the database does not answer.
        """
        if self.engine.dialect.name == "sqlite":
            path = self.engine.url.database or ""
            with closing(sqlite3.connect(path, timeout=patience_seconds, isolation_level=None)) as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                except sqlite3.OperationalError as error:
                    return "locked" in str(error) or "busy" in str(error)
            return False
        waiting = text(
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
            " AND datname = current_database() AND clock_timestamp() - waitstart > make_interval(secs => :patience))"
        )
        with self.read() as session:
            return bool(session.scalar(waiting, {"patience": patience_seconds}))

    def after_fork(self) -> None:
        """Forget connections that belong to the parent process, without closing them under it."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        self.engine.dispose()


def _is_busy(error: BaseException | None) -> bool:
    """Whether the database answers and cannot now: another holds a lock, a deadlock was broken, too many ask."""
    if state := getattr(error, "sqlstate", None):  # PostgreSQL, appendix A: rolled back, lock not had, too many
        return state[:2] in ("40", "55") or state == "53300"
    return any(word in str(error) for word in ("locked", "busy"))


def _engine(url: str) -> Engine:
    parts = parsed(url)
    if parts.get_backend_name() != "sqlite":
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": 5})
        if engine.dialect.name == "postgresql":
            event.listen(engine, "connect", _give_up_on_locks)
        return engine
    _expect_file(url, parts)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, see below
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}", "synchronous=FULL", "foreign_keys=ON",
            f"cache_size=-{CACHE_KIB}", f"wal_autocheckpoint={WAL_PAGES}", f"journal_size_limit={WAL_BYTES}",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")
        _use_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # a deferred transaction that reads and then writes fails at once with SQLITE_BUSY when another wrote in between
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _expect_file(url: str, parts: URL) -> None:
    """Raise UsageFault for a SQLite in memory, where each process has its own and loses it at its end."""
    name = parts.database or ""
    if parts.host or not name or ":memory:" in name or parts.query.get("mode") == "memory":
        raise UsageFault(
            f"the database URL {hide_secrets(url)} names no file, and what is kept in memory is lost with the process: "
            "expected sqlite:///FILE with three slashes, or a fourth before a path that begins at the root"
        )


def _give_up_on_locks(connection: Any, _record: Any) -> None:
    """PostgreSQL waits for ever for a session that was left open with a lock, and says nothing."""
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
    connection.commit()


def _use_wal(connection: Any) -> None:
    """Switch to a write-ahead log; a file that is being set up by another process is waited for.

    SQLite does not: it says "locked" at once where waiting might have been a deadlock.
    """
    give_up = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
