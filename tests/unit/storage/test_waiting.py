"""Every open batch that waits says why, as far as the database knows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from storage import chunks, pause, waiting, workers
from storage.batch_writer import Received
from storage.chunks import Claim, Results
from storage.clock import db_now
from storage.database import Database
from storage.schema import Chunk, Worker

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Take = Callable[..., list[Claim]]

ELSEWHERE = "elsewhere/-/1/1"
REFUSAL = "the weights are not those of the manifest"


@pytest.fixture
def worker(database: Database) -> str:
    """A worker on another machine that is alive."""
    with database.write() as session:
        workers.sign_on(session, ELSEWHERE, "elsewhere", 1, "cpu")
    return ELSEWHERE


def site(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {reason.code: reason.text for reason in waiting.of_the_site(session)}


def of(database: Database, batch_id: str) -> dict[str, str]:
    with database.read() as session:
        return {reason.code: reason.text for reason in waiting.of_batches(session)[batch_id]}


def test_nothing_is_in_the_way(
    database: Database, submit: Submit, received: Make, worker: str, screen: Callable[..., None]
) -> None:
    batch_id = submit(database, received(1))
    assert (site(database), of(database, batch_id)) == ({}, {})
    screen(database)
    with database.read() as session:
        assert waiting.of_batches(session) == {}


def test_no_worker(database: Database) -> None:
    assert site(database) == {"no_worker": "no worker is alive; start one with `screen worker`"}


def test_paused(database: Database, worker: str) -> None:
    with database.write() as session:
        pause.turn(session, on=True, actor="dr jones")
    assert list(site(database)) == ["paused"]
    assert site(database)["paused"].startswith("paused by dr jones at 20")


def test_the_last_worker_refused(database: Database, worker: str) -> None:
    with database.write() as session:
        workers.refuse(session, ELSEWHERE, REFUSAL)
        workers.sign_off(session, ELSEWHERE)
    assert list(site(database)) == ["no_worker", "model_refused"]
    assert site(database)["model_refused"] == f"a worker refused to screen: {REFUSAL}"
    with database.write() as session:  # the weights are repaired, and the next worker came and went
        session.execute(update(Worker).values(seen_at=db_now(-60)))
        workers.sign_on(session, "elsewhere/-/2/2", "elsewhere", 2, "cpu")
        workers.sign_off(session, "elsewhere/-/2/2")
    assert list(site(database)) == ["no_worker"]


def test_a_chunk_was_refused(database: Database, submit: Submit, received: Make, worker: str, take: Take) -> None:
    batch_id, other = submit(database, received(1)), submit(database, received(1))
    held, _ = take(database)
    with database.write() as session:
        chunks.hand_back(session, held, REFUSAL)
        workers.refuse(session, ELSEWHERE, REFUSAL)
        workers.sign_on(session, "elsewhere/-/2/2", "elsewhere", 2, "cpu")
    assert of(database, batch_id) == {"model_refused": f"a worker refused to screen: {REFUSAL}"}
    assert (of(database, other), site(database)) == ({}, {})
    take(database)
    assert of(database, batch_id) == {}


def test_a_chunk_rests_until_its_next_attempt(
    database: Database, submit: Submit, received: Make, take: Take, finish: Callable[..., None]
) -> None:
    batch_id = submit(database, received(1))
    (held,) = take(database)
    finish(database, held, Results(passing={held.images[0].id: "the share did not answer"}))
    with database.read() as session:
        until = session.scalars(select(Chunk.not_before)).one()
    assert of(database, batch_id) == {
        "backoff": "chunks that wait for their next attempt, the first until "
        f"{until:%Y-%m-%d %H:%M:%S} UTC: 1 (the share did not answer)"
    }
    with database.write() as session:
        session.execute(update(Chunk).values(not_before=db_now(-1)))
    assert of(database, batch_id) == {}


def test_files_still_in_their_inbox(database: Database, submit: Submit, received: Make) -> None:
    batch_id = submit(database, received(1), inbox="/srv/inbox")
    assert of(database, batch_id) == {
        "inbox": "its files have not left the inbox /srv/inbox yet; `screen watch` moves them"
    }


def test_a_database_that_another_writer_holds_is_busy(database: Database, at_once: Callable[..., list[object]]) -> None:
    from threading import Event

    from storage import audit

    held, looked = Event(), Event()

    def hold() -> None:
        with database.write() as session:
            audit.lock(session)
            session.execute(select(1))  # SQLite: only here the transaction begins
            held.set()
            looked.wait(60)

    def wait() -> None:  # PostgreSQL: busy is who makes another wait
        held.wait(60)
        with database.write() as session:
            audit.lock(session)

    def look() -> bool:
        held.wait(60)
        try:
            return any(database.busy(0.05) for _ in range(1000))
        finally:
            looked.set()

    assert not database.busy(0.05)
    assert at_once([hold, wait, look]) == [None, None, True]
    assert not database.busy(0.05)
