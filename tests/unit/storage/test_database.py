"""Transactions are whole, writers wait for each other, and an unreachable database is said without its password."""

from __future__ import annotations

import os
import sqlite3
import threading
import warnings
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from models.errors import PassingFault, ServiceUnreachable, UsageFault
from storage.clock import db_now
from storage.database import Database, url_of
from storage.migrate import revision
from storage.schema import Chunk, Policy, Schedule
from storage.settings import Settings


def schedule(number: int) -> dict[str, str]:
    return {"folder": f"/ward/{number}", "cron": "0 2 * * *", "reports": "/reports", "submitter": "nurse"}


def stored(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Schedule)) or 0


def test_a_write_is_committed_at_the_end_of_its_block(database: Database) -> None:
    with database.write() as session:
        session.execute(insert(Schedule), [schedule(1), schedule(2)])
        assert stored(database) == 0
    assert stored(database) == 2


def test_an_error_rolls_back_the_whole_block(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
        session.flush()
        raise ZeroDivisionError
    assert stored(database) == 0


def test_a_refused_statement_rolls_back_the_whole_block(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
        session.execute(insert(Schedule), [schedule(1)])
    assert stored(database) == 0


def test_what_is_read_is_never_written(database: Database) -> None:
    with database.read() as session:
        session.execute(insert(Schedule), [schedule(1)])
    assert stored(database) == 0


def test_a_snapshot_sees_one_state(database: Database) -> None:
    number = select(func.count()).select_from(Schedule)
    with database.snapshot() as session:
        assert session.scalar(number) == 0
        with database.write() as other:
            other.execute(insert(Schedule), [schedule(1)])
        assert session.scalar(number) == 0
    assert stored(database) == 1
    with database.write() as session:  # the connection's next transaction is as ever
        session.execute(insert(Schedule), [schedule(2)])


def test_a_file_that_another_process_is_setting_up_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE begun (x)")
    other.execute("BEGIN IMMEDIATE")  # before it went over to a write-ahead log: SQLite waits for nobody here
    later = threading.Timer(0.5, other.execute, ["COMMIT"])
    later.start()
    database = Database(f"sqlite:///{file}")
    with database.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    database.close()
    later.join()
    other.close()


def test_foreign_keys_and_checks_hold(database: Database) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(insert(Chunk).values(id="c", batch_id="no such batch", state="waiting", attempt=0, faults=0))
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(insert(Policy).values(model="m", name="n", version=1, threshold=1.5, created_at=db_now()))


def test_writers_that_read_first_wait_instead_of_failing(database: Database) -> None:
    """Read, then write: what a deferred SQLite transaction is refused for at once when another wrote in between."""
    with database.write() as session:
        session.execute(insert(Schedule), [schedule(0)])
    together = threading.Barrier(4)
    faults: list[BaseException] = []

    def add_one() -> None:
        try:
            together.wait(30)
            for _ in range(10):
                with database.write() as session:
                    row = session.scalars(select(Schedule).with_for_update()).one()
                    session.execute(update(Schedule).values(cron=str(int(row.cron.split()[0]) + 1)))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    with database.read() as session:
        assert session.scalars(select(Schedule.cron)).one() == "40"


def test_sqlite_write_takes_the_lock_before_its_first_statement(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 50)
    other = Database(sqlite_database.url)
    with sqlite_database.write() as session:
        session.connection()
        with pytest.raises(PassingFault, match=r"^the database is busy .*; try again$"), other.write() as late:
            late.connection()
    other.close()


def test_sqlite_readers_do_not_wait_for_a_writer(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 50)
    other = Database(sqlite_database.url)
    with sqlite_database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
        assert stored(other) == 0
    assert stored(other) == 1
    other.close()


def test_sqlite_survives_a_power_cut(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        answers = {
            pragma: connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert answers == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_sqlite_has_room_for_the_indexes_of_a_large_batch(sqlite_database: Database) -> None:
    with sqlite_database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA cache_size").scalar() == -64 * 1024  # KiB
        assert connection.exec_driver_sql("PRAGMA journal_size_limit").scalar() == 64 * 1024 * 1024


@pytest.mark.parametrize("door", ["read", "write"])
def test_unreachable_postgresql_names_the_server_and_hides_the_password(door: str) -> None:
    database = Database("postgresql+psycopg://clinic:s3cret@127.0.0.1:1/screening")
    with pytest.raises(ServiceUnreachable) as unreachable, getattr(database, door)() as session:
        session.execute(select(1))
    assert str(unreachable.value).startswith(
        "the database postgresql+psycopg://clinic:***@127.0.0.1:1/screening does not answer: "
    )
    assert "s3cret" not in str(unreachable.value)
    assert "s3cret" not in database.shown_url


@pytest.mark.parametrize("offset", [0, 4096])
@pytest.mark.parametrize("door", ["read", "write"])
def test_a_file_that_is_damaged_or_no_database(sqlite_database: Database, door: str, offset: int) -> None:
    with sqlite_database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
    sqlite_database.close()
    with Path(sqlite_database.engine.url.database or "").open("r+b") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(offset)
        file.write(b"\xff" * (length - offset))
    with (
        pytest.raises(UsageFault, match=r"^the file of sqlite:.* is damaged, or no SQLite .*`screen db restore`$"),
        getattr(sqlite_database, door)() as session,
    ):
        session.execute(select(Schedule)).all()
    if not offset:
        with pytest.raises(UsageFault, match="is damaged"):
            revision(sqlite_database)


def test_a_lock_that_is_not_let_go_is_a_passing_fault(
    postgres_database: Database, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.BUSY_TIMEOUT_MS", 50)
    impatient = Database(postgres_database.url)
    with postgres_database.write() as holder:
        holder.execute(text("LOCK TABLE schedules IN EXCLUSIVE MODE"))
        with pytest.raises(PassingFault, match="^the database is busy .*lock timeout"), impatient.write() as session:
            session.execute(insert(Schedule), [schedule(1)])
    with impatient.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
    assert stored(postgres_database) == 1
    impatient.close()


def test_a_connection_that_breaks_midway_is_a_passing_fault(postgres_database: Database) -> None:
    with postgres_database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
    with pytest.raises(ServiceUnreachable), postgres_database.write() as session:
        session.execute(insert(Schedule), [schedule(2)])
        session.execute(select(func.pg_terminate_backend(func.pg_backend_pid())))
    assert stored(postgres_database) == 1


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "clinic:s3cret@db.example/screening",
        "nosuchthing://clinic:s3cret@db.example/screening",
        "mysql://clinic:s3cret@db.example/screening",
        "postgresql+nosuchdriver://clinic:s3cret@db.example/screening",
        "postgresql+psycopg://clinic:s3cret@db.example:port/screening",
    ],
)
def test_a_url_that_cannot_be_used_is_a_usage_fault(url: str) -> None:
    with pytest.raises(
        UsageFault, match=r"^the database URL .* cannot be used \(.*\); expected sqlite:///FILE"
    ) as fault:
        Database(url)
    assert "s3cret" not in str(fault.value)
    assert str(fault.value).endswith("the extra postgres: pip install -e '.[postgres]' in the folder of the repository")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite://derm.db",
        "sqlite://srv/derm.db",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:derm?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UsageFault, match=r"names no file, .* is lost .*: expected sqlite:///FILE") as fault:
        Database(url)
    assert "Valid SQLite URL" not in str(fault.value)  # of SQLAlchemy, which names memory first


@pytest.mark.parametrize("scheme", ["postgresql://", "postgres://", "postgresql+psycopg://"])
def test_postgresql_is_reached_by_psycopg(tmp_path: Path, scheme: str) -> None:
    assert url_of(Settings(tmp_path, database_url=f"{scheme}u@h/d")) == "postgresql+psycopg://u@h/d"


def test_without_a_url_the_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    assert url_of(Settings(tmp_path)) == f"sqlite:///{tmp_path}/dermscreen.db"


def test_after_a_fork_the_child_makes_connections_of_its_own(database: Database) -> None:
    with database.write() as session:
        session.execute(insert(Schedule), [schedule(1)])
        child = os.fork()
        if child == 0:
            warnings.simplefilter("ignore")  # psycopg remarks that the parent's connection was not closed: so it is
            database.after_fork()
            os._exit(stored(database))  # none: the parent has not committed
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        session.execute(insert(Schedule), [schedule(2)])
    assert stored(database) == 2
