"""What is worked out before a batch is written: the same rows and events, and nobody waits meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.errors import PassingFault
from models.manifest import Manifest
from scheduler.intake import Request, take_in
from storage import audit, batch_preparation, batches, policies
from storage.audit.canonical import canonical
from storage.backup import write_backup
from storage.batch_preparation import Prepared, prepared
from storage.batch_writer import CHUNK_IMAGES, Received, first_free_number, new_chunk_id
from storage.chunks import Claim
from storage.counts import counts
from storage.database import Database
from storage.restore import restore
from storage.schema import AuditEvent, Batch, Chunk, Image
from storage.settings import Settings

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Take = Callable[..., list[Claim]]
Finish = Callable[..., None]
Count = Callable[..., int]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something done once, in the middle of the preparation of the next batch."""

    def once(action: Callable[[], None]) -> None:
        make = batch_preparation.new_salt
        left = [action]

        def salt() -> str:
            if left:
                left.pop()()
            return make()

        monkeypatch.setattr(batch_preparation, "new_salt", salt)

    return once


def test_another_batch_is_screened_while_one_is_prepared(
    database: Database, settings: Settings, installed_model: Manifest, submit: Submit, received: Make, take: Take,
    finish: Finish, meanwhile: Callable[[Callable[[], None]], None],
) -> None:  # fmt: skip
    other = submit(database, received("a", "b"), manifest=installed_model)

    def screen_it() -> None:
        for held in take(database):  # a lock that is held would be waited for in vain
            finish(database, held)

    meanwhile(screen_it)
    batch_id = take_in(database, settings, Request(), received("c", "b", "c"))
    with database.read() as session:
        done, mine = counts(session, other), counts(session, batch_id)
        assert (done.state, done.screened) == ("complete", 2)
        assert (mine.state, mine.received, mine.duplicate) == ("open", 3, 1)
        assert audit.verify(session) > 0


def test_another_batch_is_taken_in_while_one_is_prepared(
    database: Database, settings: Settings, installed_model: Manifest, submit: Submit, received: Make, images: Images,
    meanwhile: Callable[[Callable[[], None]], None],
) -> None:  # fmt: skip
    found: list[str] = []
    meanwhile(lambda: found.append(submit(database, received("a", "b", "a"), manifest=installed_model)))
    batch_id = take_in(database, settings, Request(), received("b", "a", "b"))
    for each in (batch_id, *found):
        first, _, copy = images(database, each)
        assert (copy.state, copy.duplicate_of) == ("duplicate", first.id)
    with database.read() as session:
        audit.verify(session)


def test_events_say_what_the_rows_say(
    database: Database, submit: Submit, received: Make, images: Images, screen: Callable[..., None]
) -> None:
    submit(database, received("k"))
    screen(database)
    refused = Received('/ward/"100%(image)s.jpg', "/ward/x", None, None, 'odd: 100% of "image":"@"', "p-1", "l-2")
    batch_id = submit(database, [*received("a", "k", "a"), refused])
    with database.read() as session:
        audit.verify(session)  # every row is compared with its event
        stored = session.scalars(
            select(AuditEvent).where(AuditEvent.batch_id == batch_id, AuditEvent.event.like("image.%"))
        ).all()
    bodies = [json.loads(row.body) for row in stored]
    rows = images(database, batch_id)
    assert [body["image"] for body in bodies] == [row.id for row in rows]
    assert [body["event"] for body in bodies] == [
        "image.received", "image.decided", "image.duplicate", "image.rejected",
    ]  # fmt: skip
    assert bodies[2]["duplicate_of"] == rows[0].id
    assert bodies[3]["reason"] == refused.reason
    assert all(row.body == canonical(body) for row, body in zip(stored, bodies, strict=True))


@pytest.mark.parametrize("run", [1, 2, 5, 7, 100])
def test_copies_are_found_however_many_fit_into_memory(
    sqlite_database: Database, submit: Submit, received: Make, images: Images, run: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(batch_preparation, "RUN", run)
    monkeypatch.setattr(batch_preparation, "PAGE", 3)
    rows = images(sqlite_database, submit(sqlite_database, received("a", "b", "a", "c", "b", "a", "d")))
    position = {row.id: row.position for row in rows}
    assert [position.get(row.duplicate_of or 0) for row in rows] == [None, None, 0, None, 1, 0, None]


def test_chunks_are_full_whatever_the_pages(
    sqlite_database: Database, submit: Submit, received: Make, images: Images, count: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(batch_preparation, "PAGE", CHUNK_IMAGES - 10)
    batch_id = submit(sqlite_database, received(2 * CHUNK_IMAGES + 1))
    assert count(sqlite_database, Chunk) == 3
    by_position = [row.chunk_id or "" for row in images(sqlite_database, batch_id)]
    assert by_position == sorted(by_position)  # side by side in the index


def test_ids_of_chunks_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for now in (1_000_000, 255_000_000, 256_000_000):
        monkeypatch.setattr("storage.batch_writer.time.time_ns", lambda now=now: now)
        ids.append(new_chunk_id())
    assert ids == sorted(ids)
    assert [len(each) for each in ids] == [32] * 3


def test_numbers_that_somebody_took_meanwhile_are_not_used(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    first = images(database, submit(database, received(2)))
    if database.engine.dialect.name == "postgresql":
        with database.engine.begin() as connection:
            connection.execute(text("SELECT nextval('images_id_seq')"))
    second = images(database, submit(database, received("x", "y", "x")))
    assert second[0].id > first[-1].id
    assert [row.id for row in second] == list(range(second[0].id, second[0].id + 3))
    with database.write() as session:
        assert first_free_number(session, 5) > second[-1].id


@contextmanager
def prepare(database: Database, manifest: Manifest, items: list[Received], scratch: Path) -> Iterator[Prepared]:
    policy = policies.settled(database, manifest)
    with prepared(database.read, policy, batches.key_of(manifest), lambda: items, scratch) as ready:
        yield ready


def test_a_database_that_is_replaced_meanwhile_gets_no_batch(
    database: Database, manifest: Manifest, submit: Submit, received: Make, screen: Callable[..., None],
    count: Count, tmp_path: Path,
) -> None:  # fmt: skip
    submit(database, received("z"))
    write_backup(database, tmp_path / "backup")
    submit(database, received("a"))
    screen(database)
    before = count(database, Batch)
    with prepare(database, manifest, received("a"), tmp_path) as ready:  # its prediction is not in the backup
        restore(database, tmp_path / "backup", replace=True)
        with pytest.raises(PassingFault, match="submit it again$"), database.write() as session:
            batches.write(session, batches.Header("submit", "nurse", manifest), ready)
    assert count(database, Batch) == before - 1


def test_a_policy_is_settled_once(database: Database, manifest: Manifest, events: Callable[..., list[str]]) -> None:
    first = policies.settled(database, manifest)
    assert policies.settled(database, manifest).id == first.id
    assert events(database) == ["policy.changed"]


def test_a_disk_that_takes_no_list_is_told(
    sqlite_database: Database, manifest: Manifest, received: Make, count: Count, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.batch_preparation.SpooledTemporaryFile.write", full)
    with (
        pytest.raises(PassingFault, match="^the list of images cannot be kept on disk: No space left on device$"),
        prepare(sqlite_database, manifest, received(1), tmp_path),
    ):
        pass
    assert count(sqlite_database, Batch) == 0
    assert not list(tmp_path.glob("tmp*"))
