"""What was backed up comes back: in both databases, from either, and in the middle of a batch."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError

from models.checksum import sha256_hex
from models.errors import ProofBroken, UsageFault
from storage import audit, backup, chunks, restore, workers
from storage.backup import write_backup
from storage.backup_file import Table, Writer
from storage.counts import counts
from storage.database import Database
from storage.erasure import Order, erase
from storage.erasure_choice import Whose
from storage.migrations import HEAD
from storage.recovery import due_chunks, mark_sent
from storage.schema import AuditEvent, Base, Batch, Chunk, Decision, Image, Prediction, Worker
from storage.states import ImageState

Fixture = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A second database, with no table in it, of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'other.db'}"
    else:
        url = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
    made = Database(url)
    yield made
    made.close()


@pytest.fixture
def busy(database: Database, submit: Fixture, received: Fixture, take: Fixture, finish: Fixture) -> tuple[str, Any]:
    """A batch of 200 images with copies and refusals: a chunk done, one held by a worker, one sent, one not yet."""
    rows = [*received(190), *received("a", "b", "a", "b"), *received(6, reason="not an image: received text")]
    batch = submit(database, rows)
    held = take(database)
    finish(database, held[0])
    with database.write() as session:
        for claim in held[2:]:
            chunks.hand_back(session, claim, "not now")
        mark_sent(session, [held[2].chunk_id])
    return batch, held[1]


def content(database: Database, *without: str) -> dict[str, list[tuple[Any, ...]]]:
    with database.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }


def assert_sound(database: Database, batch: str) -> None:
    """The invariants of a finished batch, from the database itself."""
    with database.read() as session:
        total = counts(session, batch)
        assert total.state == "complete" and total.adds_up
        assert (total.received, total.screened, total.duplicate, total.rejected) == (200, 192, 2, 6)
        assert session.scalar(select(func.count()).select_from(Decision)) == 192
        rows, distinct = session.execute(select(func.count(), func.count(Prediction.checksum.distinct()))).one()
        assert rows == distinct == 192
        audit.verify(session)


def test_everything_comes_back(
    database: Database, other: Database, busy: tuple[str, Any], tmp_path: Path, screen: Fixture, submit: Fixture,
    received: Fixture, events: Fixture,
) -> None:  # fmt: skip
    batch, _ = busy
    screen(database)
    with database.read() as session:
        held = [row.chunk_id for row in session.execute(select(Image.chunk_id).where(Image.state == "running"))]
    assert len(held) == 64
    before = content(database)
    made = write_backup(database, tmp_path / "b.gz")
    assert made.sha256 == sha256_hex((tmp_path / "b.gz").read_bytes())
    assert made.rows == {name: len(rows) for name, rows in before.items()}
    assert events(database)[-1] == "database.backed_up"
    done = restore.restore(other, tmp_path / "b.gz", replace=False)
    assert (done.unfinished, done.replaced_events) == (64, 0)
    after = content(other)
    assert after["audit_events"][:-1] == before["audit_events"]
    for name in ("policies", "batches", "predictions", "decisions", "schedules", "activations"):
        assert after[name] == before[name]
    told = json.loads(after["audit_events"][-1][4])
    assert told["event"] == "database.restored" and told["sha256"] == made.sha256 and told["unfinished"] == 64
    with other.read() as session:
        assert audit.verify(session) == len(after["audit_events"])
        assert set(session.scalars(select(Chunk.state))) == {"done", "waiting"}
        assert len(due_chunks(session, 10)) == 1
    screen(other)
    assert_sound(other, batch)
    # the ids go on behind the restored ones
    later = submit(other, received(3))
    screen(other)
    with other.read() as session:
        assert counts(session, later).screened == 3


def test_copies_that_follow_a_later_image_come_back(
    sqlite_database: Database, other: Database, tmp_path: Path,
    submit: Fixture, received: Fixture, take: Fixture, finish: Fixture, images: Fixture,
) -> None:  # fmt: skip
    """The first copy was erased, the second one screened in the original's stead: the erased one is linked to it."""
    batch = submit(sqlite_database, [replace(item, patient=f"p-{n}") for n, item in enumerate(received("a", "a", "a"))])
    erase(sqlite_database, Whose("p-1"), Order("on request", "Dr Jones"))
    (held,) = take(sqlite_database)
    gone = {image.id: "the file is no longer there" for image in held.images}
    finish(sqlite_database, held, chunks.Results(rejected=gone, misplaced=set(gone)))
    finish(sqlite_database, take(sqlite_database)[0])
    _, erased, stood_in = images(sqlite_database, batch)
    assert erased.duplicate_of == stood_in.id > erased.id
    write_backup(sqlite_database, tmp_path / "backup.gz")
    restore.restore(other, tmp_path / "backup.gz", replace=False)
    assert [image.duplicate_of for image in images(other, batch)] == [None, stood_in.id, 1]
    with other.read() as session:
        audit.verify(session)
    with pytest.raises(IntegrityError), other.write() as session:
        session.execute(update(Image).values(duplicate_of=17))


def test_a_restore_in_the_middle_of_a_batch(
    database: Database, busy: tuple[str, Any], tmp_path: Path, take: Fixture, finish: Fixture, submit: Fixture,
    received: Fixture, screen: Fixture, events: Fixture, count: Fixture,
) -> None:  # fmt: skip
    batch, held = busy
    write_backup(database, tmp_path / "b.gz")
    # life goes on: the chunk not yet taken at the time of the backup is held now, and another batch came in
    late = take(database)
    submit(database, received(5))
    with database.write() as session:
        workers.sign_on(session, "ward/-/7/7", "ward", 7, "cpu")
    length = len(events(database))
    done = restore.restore(database, tmp_path / "b.gz", replace=True)
    assert (done.unfinished, done.replaced_events) == (192 - 64, length)
    assert count(database, Batch) == 1
    assert count(database, Worker) == 1  # who is alive is told by today's database
    for old in (held, *late):
        with pytest.raises(chunks.LeaseLost):
            finish(database, old)
    again = take(database)
    for old in (held, *late):
        with pytest.raises(chunks.LeaseLost):
            finish(database, old)
    for claim in again:
        finish(database, claim)
    assert_sound(database, batch)


def test_a_worker_that_claimed_after_the_backup_may_not_write(
    database: Database, submit: Fixture, received: Fixture, take: Fixture, finish: Fixture, tmp_path: Path
) -> None:
    submit(database, received(2))
    write_backup(database, tmp_path / "b.gz")
    for _ in range(3):
        [old] = take(database)
        with database.write() as session:
            chunks.hand_back(session, old, "not now")
    [old] = take(database)
    restore.restore(database, tmp_path / "b.gz", replace=True)
    [new] = take(database)
    assert new.attempt > old.attempt
    with pytest.raises(chunks.LeaseLost):
        finish(database, old)
    finish(database, new)


def test_one_moment_is_seen_whatever_is_written_meanwhile(
    database: Database, other: Database, busy: tuple[str, Any], tmp_path: Path, finish: Fixture,
    monkeypatch: pytest.MonkeyPatch, screen: Fixture,
) -> None:  # fmt: skip
    batch, held = busy

    class Slow(Writer):
        def table(self, table: Table, rows: Any) -> None:
            super().table(table, rows)
            if table.name == "policies":  # the first of the tables: the rest is written while it is read
                finish(database, held)

    monkeypatch.setattr(backup, "Writer", Slow)
    write_backup(database, tmp_path / "b.gz")
    restore.restore(other, tmp_path / "b.gz", replace=False)
    with other.read() as session:
        states = dict(session.execute(select(Image.state, func.count()).group_by(Image.state)).all())
        assert states[ImageState.SCREENED] == 64 == session.scalar(select(func.count()).select_from(Decision))
        audit.verify(session)
    screen(other)
    assert_sound(other, batch)


def test_backups_and_restores_among_working_threads(
    database: Database, submit: Fixture, received: Fixture, take: Fixture, finish: Fixture, tmp_path: Path,
    at_once: Fixture, screen: Fixture,
) -> None:  # fmt: skip
    batches = [submit(database, received(64 * 2)) for _ in range(2)]
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")
    ended = threading.Event()

    def work() -> None:
        while held := take(database):
            for claim in held:
                finish(database, claim)

    def back_up() -> int:
        made = 0
        while not ended.is_set() or not made:
            write_backup(database, tmp_path / f"{made}.gz")
            made += 1
        return made

    def work_then_end() -> None:
        try:
            work()
        finally:
            ended.set()

    results = at_once([work_then_end, back_up])
    assert isinstance(results[1], int), results
    last = results[1] - 1
    for number in {0, last // 2, last}:
        restore.restore(other, tmp_path / f"{number}.gz", replace=number > 0)
        screen(other)
        with other.read() as session:
            assert [counts(session, batch).screened for batch in batches] == [128, 128]
            audit.verify(session)
    other.close()


def test_a_database_that_holds_anything_is_not_replaced_unasked(
    database: Database, busy: tuple[str, Any], tmp_path: Path
) -> None:
    write_backup(database, tmp_path / "b.gz")
    before = content(database)
    with pytest.raises(UsageFault, match=r"^the database is not empty: expected an empty one, or --replace"):
        restore.restore(database, tmp_path / "b.gz", replace=False)
    assert content(database) == before


def test_a_backup_overwrites_nothing(database: Database, tmp_path: Path) -> None:
    (tmp_path / "b.gz").write_bytes(b"precious")
    with pytest.raises(UsageFault, match="overwrites nothing"):
        write_backup(database, tmp_path / "b.gz")
    assert (tmp_path / "b.gz").read_bytes() == b"precious"


def test_a_backup_is_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    write_backup(database, tmp_path / "b.gz")
    assert (tmp_path / "b.gz").stat().st_mode & 0o077 == 0


def rewritten(path: Path, change: Callable[[list[str]], list[str]], *, seal: bool = True) -> Path:
    """The backup with other lines, under a right or the old checksum."""
    *lines, last = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    lines = change(lines)
    end = json.loads(last)
    if seal:
        end["sha256"] = hashlib.sha256("".join(lines).encode()).hexdigest()
    path.write_bytes(gzip.compress(("".join(lines) + json.dumps(end) + "\n").encode()))
    return path


def test_a_damaged_file_touches_nothing(database: Database, busy: tuple[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "b.gz"
    write_backup(database, path)
    data, before = path.read_bytes(), content(database)
    for spoiled in (data[:-1], data[: len(data) // 2], data[:20], data[:-20] + bytes(20), data + b"x" * 9,
                    data[:4000] + bytes([data[4000] ^ 1]) + data[4001:]):  # fmt: skip
        path.write_bytes(spoiled)
        with pytest.raises(ProofBroken, match="is damaged"):
            restore.restore(database, path, replace=True)
    path.write_bytes(data)
    changed = rewritten(path, lambda lines: [line.replace("clear", "flagged") for line in lines], seal=False)
    with pytest.raises(ProofBroken, match="not that of its SHA-256"):
        restore.restore(database, changed, replace=True)
    assert content(database) == before


@pytest.mark.parametrize(
    "data",
    [b"", b"SQLite format 3\0", gzip.compress(b"{}\n"), gzip.compress(b"[]\n")],
    ids=["empty", "SQLite", "an object", "a list"],  # not the bytes of gzip, which hold the time
)
def test_what_is_no_backup(sqlite_database: Database, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.gz").write_bytes(data)
    with pytest.raises((UsageFault, ProofBroken), match=r"b\.gz"):
        restore.restore(sqlite_database, tmp_path / "b.gz", replace=True)
    with pytest.raises(UsageFault, match="cannot be read: No such file"):
        restore.restore(sqlite_database, tmp_path / "none.gz", replace=True)


@pytest.mark.parametrize(("field", "value"), [("schema", "9999"), ("dermscreen_backup", 2)])
def test_a_backup_of_a_newer_release(
    sqlite_database: Database, busy: tuple[str, Any], tmp_path: Path, field: str, value: Any, database: Database
) -> None:
    def newer(lines: list[str]) -> list[str]:
        return [json.dumps(json.loads(lines[0]) | {field: value}) + "\n", *lines[1:]]

    write_backup(database, tmp_path / "b.gz")
    before = content(database)
    with pytest.raises(UsageFault, match="install the release that"):
        restore.restore(database, rewritten(tmp_path / "b.gz", newer), replace=True)
    assert content(database) == before


def test_a_backup_of_an_older_release_is_brought_up_to_date(other: Database, tmp_path: Path) -> None:
    columns = ["id", "model", "name", "version", "threshold", "created_at"]
    lines = [
        {"dermscreen_backup": 1, "schema": "0001", "software": "0.0.9", "taken_at": "2026-01-01T00:00:00+00:00",
         "database": "postgresql"},
        {"table": "policies", "columns": columns, "moments": ["created_at"]},
        [7, "hidri-1", "f1", 1, 0.25, "2026-01-01T00:00:00.123456+00:00"],
    ]  # fmt: skip
    text_of = "".join(json.dumps(line) + "\n" for line in lines)
    last = {"rows": {"policies": 1}, "sha256": hashlib.sha256(text_of.encode()).hexdigest()}
    (tmp_path / "b.gz").write_bytes(gzip.compress((text_of + json.dumps(last) + "\n").encode()))
    restore.restore(other, tmp_path / "b.gz", replace=False)
    after = content(other)
    [policy] = after["policies"]
    assert policy[:5] == (7, "hidri-1", "f1", 1, 0.25) and policy[5].microsecond == 123456
    with other.read() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        assert session.scalar(select(func.count()).select_from(AuditEvent)) == 1


def test_a_failure_in_the_middle_leaves_the_database_as_it_was(
    database: Database, busy: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_backup(database, tmp_path / "b.gz")
    before = content(database)

    def breaks(*_: object) -> int:
        raise RuntimeError("power cut")

    monkeypatch.setattr(restore, "_void_leases", breaks)
    with pytest.raises(RuntimeError):
        restore.restore(database, tmp_path / "b.gz", replace=True)
    assert content(database) == before


def test_a_name_that_only_sqlite_can_hold_is_named_by_its_column(
    sqlite_database: Database, postgres_database: Database, submit: Fixture, received: Fixture, tmp_path: Path
) -> None:
    batch = submit(sqlite_database, received(2))
    with sqlite_database.write() as session:
        session.execute(update(Batch).where(Batch.id == batch).values(site="n" * 210))
    write_backup(sqlite_database, tmp_path / "b.gz")
    with pytest.raises(UsageFault, match=r"210 characters in batches\.site, at most 200; nothing") as told:
        restore.restore(postgres_database, tmp_path / "b.gz", replace=True)
    assert "nnn" not in str(told.value)
    with postgres_database.read() as session:
        assert session.scalar(select(func.count()).select_from(Batch)) == 0
