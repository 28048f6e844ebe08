"""What failed is tried again when its cause is repaired, and nothing else is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from models.errors import UsageFault
from storage import audit, recovery
from storage.batch_writer import Received
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.counts import counts
from storage.database import Database
from storage.exports import write_due_exports
from storage.retry import Retried, retry_failed
from storage.schema import AuditEvent, Batch, Chunk, Image

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Take = Callable[..., list[Claim]]
Finish = Callable[..., None]
Events = Callable[..., list[str]]
Fail = Callable[[Database], None]

NOTHING = Retried(images=0, chunks=0)


@pytest.fixture
def fail(take: Take, finish: Finish) -> Fail:
    """Screens what waits until it is terminal: the first image of a chunk is fine, all others fail."""

    def exhaust(database: Database) -> None:
        for _ in range(MAX_FAULTS):
            for held in take(database):
                faults = {image.id: "out of memory" for image in held.images if image.image != "/ward/0.jpg"}
                scores = {image.id: (0.1, None) for image in held.images if image.image == "/ward/0.jpg"}
                finish(database, held, Results(scores=scores, faults=faults))
            with database.write() as session:
                session.execute(update(Chunk).values(not_before=db_now(-1)))

    return exhaust


def retry(database: Database, batch_id: str) -> Retried:
    with database.write() as session:
        return retry_failed(session, batch_id, "dr jones")


def test_only_what_failed_waits_again_in_fresh_chunks(
    database: Database, submit: Submit, received: Make, images: Images, fail: Fail, events: Events, take: Take,
    finish: Finish,
) -> None:  # fmt: skip
    batch_id = submit(database, [*received("a", "b", "c", "a"), *received(1, reason="not an image")])
    fail(database)
    before = images(database, batch_id)
    assert [row.state for row in before] == ["screened", "failed", "failed", "duplicate", "rejected"]
    assert retry(database, batch_id) == Retried(images=2, chunks=1)
    after = images(database, batch_id)
    assert [row.state for row in after] == ["screened", "waiting", "waiting", "duplicate", "rejected"]
    assert [row.reason for row in after[1:3]] == [None, None]
    assert after[4].reason == "not an image"
    with database.read() as session:
        fresh = session.get_one(Chunk, after[1].chunk_id)
        assert (fresh.state, fresh.attempt, fresh.faults, fresh.sent_at) == ("waiting", 0, 0, None)
        assert (session.get_one(Batch, batch_id).state, session.get_one(Batch, batch_id).closed_at) == ("open", None)
        assert recovery.due_chunks(session, 10) == [fresh.id]
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(3)).all()[::-1]
    assert [(row.event, row.batch_id) for row in last] == [
        ("batch.retried", batch_id), *[("image.retried", batch_id)] * 2,
    ]  # fmt: skip
    said = json.loads(last[0].body)
    assert (said["actor"], said["actor_known_by"], said["images"]) == ("dr jones", "stated", 2)
    assert [json.loads(row.body)["image"] for row in last[1:]] == [after[1].id, after[2].id]
    for held in take(database):
        finish(database, held)
    with database.read() as session:
        total = counts(session, batch_id)
        assert (total.state, total.screened, total.failed, total.adds_up) == ("complete", 3, 0, True)
        assert audit.verify(session) == len(events(database))
    assert events(database, batch_id).count("batch.completed") == 2


def test_a_second_call_finds_nothing(
    database: Database, submit: Submit, received: Make, fail: Fail, events: Events
) -> None:
    batch_id = submit(database, received(2))
    fail(database)
    assert retry(database, batch_id).images == 1
    assert retry(database, batch_id) == NOTHING
    assert events(database, batch_id).count("batch.retried") == 1


def test_of_two_calls_at_once_one_does_it(
    database: Database, submit: Submit, received: Make, fail: Fail, events: Events, at_once: Callable[..., list[object]]
) -> None:
    batch_id = submit(database, received(3))
    fail(database)
    ended = at_once([lambda: retry(database, batch_id)] * 3)
    assert sorted(map(str, ended)) == sorted(map(str, [NOTHING, NOTHING, Retried(images=2, chunks=1)]))
    assert events(database, batch_id).count("batch.retried") == 1


def test_faults_are_counted_from_zero(
    database: Database, submit: Submit, received: Make, images: Images, fail: Fail, events: Events
) -> None:
    batch_id = submit(database, received(2))
    fail(database)
    retry(database, batch_id)
    fail(database)
    assert [row.state for row in images(database, batch_id)] == ["screened", "failed"]
    assert events(database, batch_id).count("image.again") == 2 * (MAX_FAULTS - 1)


def test_a_file_that_is_gone_by_now_is_rejected_with_that_reason(
    database: Database, submit: Submit, received: Make, images: Images, fail: Fail, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received(2))
    fail(database)
    retry(database, batch_id)
    (held,) = take(database)
    finish(database, held, Results(rejected={held.images[0].id: "the file is no longer there"}))
    assert images(database, batch_id)[1].reason == "the file is no longer there"
    assert retry(database, batch_id) == NOTHING


def test_a_batch_without_failures_stays_complete(
    database: Database, submit: Submit, received: Make, events: Events, screen: Callable[..., None]
) -> None:
    batch_id = submit(database, [*received(1), *received(1, reason="not an image")])
    screen(database)
    before = events(database)
    assert retry(database, batch_id) == NOTHING
    assert events(database) == before
    with database.read() as session:
        assert counts(session, batch_id).state == "complete"


def test_an_unknown_batch(database: Database) -> None:
    with pytest.raises(UsageFault, match="^there is no batch 'monday'; `screen status` lists them$"):
        retry(database, "monday")


def test_more_failures_than_a_chunk_holds(
    database: Database, submit: Submit, received: Make, images: Images, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = submit(database, received(6))
    fail(database)
    monkeypatch.setattr("storage.retry.CHUNK_IMAGES", 2)
    monkeypatch.setattr("storage.retry.PAGE", 3)  # a chunk may hold images of two pages
    assert retry(database, batch_id) == Retried(images=5, chunks=3)
    after = images(database, batch_id)
    assert [row.state for row in after] == ["screened"] + ["waiting"] * 5
    chunks = [row.chunk_id for row in after[1:]]
    assert [chunks.index(chunk) for chunk in chunks] == [0, 0, 2, 2, 4]


def test_the_report_of_the_night_is_written_again(
    database: Database, submit: Submit, received: Make, fail: Fail, tmp_path: Path, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received(2), export_folder=str(tmp_path))
    fail(database)
    [(path, summary)] = write_due_exports(database)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1
    retry(database, batch_id)
    assert write_due_exports(database) == []  # not before the batch is complete again
    (held,) = take(database)
    finish(database, held, Results(scores={held.images[0].id: (0.9, None)}))
    assert write_due_exports(database) == [(path, summary)]
    assert ",flagged,0.900000," in path.read_text(encoding="utf-8").splitlines()[1]


def test_a_report_that_was_being_written_meanwhile_is_due_once_more(
    database: Database, submit: Submit, received: Make, fail: Fail, tmp_path: Path, take: Take, finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from storage import exports

    batch_id = submit(database, received(2), export_folder=str(tmp_path))
    fail(database)
    write = exports.write_csv

    def slow(*arguments: Any) -> int:
        written = write(*arguments)
        monkeypatch.setattr(exports, "write_csv", write)
        retry(database, batch_id)
        (held,) = take(database)
        finish(database, held, Results(scores={held.images[0].id: (0.9, None)}))
        write_due_exports(database)
        return written

    monkeypatch.setattr(exports, "write_csv", slow)
    [(path, summary)] = write_due_exports(database)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1  # the slow one was the last to write
    assert write_due_exports(database) == [(path, summary)]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert write_due_exports(database) == []
