"""Whatever a dead worker or a lost message left behind is found again, and one poisonous image stops nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from storage import chunks, inbox_moves, recovery
from storage.batch_writer import Received
from storage.chunks import MAX_FAULTS, Claim, LeaseLost, Results
from storage.clock import db_now
from storage.counts import counts
from storage.database import Database
from storage.report import rows
from storage.schema import AuditEvent, Chunk, Image

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Count = Callable[..., int]
Take = Callable[..., list[Claim]]
Finish = Callable[..., None]


def lose(database: Database, *held: Claim) -> None:
    """Insert an old lease: what a worker leaves that died an hour ago."""
    with database.write() as session:
        ids = [claim.chunk_id for claim in held]
        session.execute(update(Chunk).where(Chunk.id.in_(ids)).values(lease_until=db_now(-3600)))


def rescue(database: Database) -> int:
    with database.write() as session:
        return recovery.take_back_lost_chunks(session)


def due(database: Database, limit: int = 100) -> list[str]:
    with database.read() as session:
        return recovery.due_chunks(session, limit)


def send(database: Database, *chunk_ids: str) -> None:
    with database.write() as session:
        recovery.mark_sent(session, list(chunk_ids))


def state_of(database: Database, chunk_id: str) -> tuple[str, int, int]:
    with database.read() as session:
        chunk = session.get_one(Chunk, chunk_id)
        return chunk.state, chunk.attempt, chunk.faults


def test_a_lease_that_has_not_expired_is_left_alone(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    submit(database, received(2))
    (held,) = take(database, "elsewhere/pid:[1]/1/1")
    assert rescue(database) == 0
    finish(database, held)


def test_an_expired_chunk_comes_back_in_halves(
    database: Database, submit: Submit, received: Make, take: Take, events: Callable[..., list[str]], images: Images
) -> None:
    batch_id = submit(database, received(5))
    (held,) = take(database)
    lose(database, held)
    assert rescue(database) == 1
    assert state_of(database, held.chunk_id) == ("split", 1, 0)
    halves = take(database)
    assert [[image.id for image in half.images] for half in halves] == [
        [image.id for image in held.images[:2]], [image.id for image in held.images[2:]],
    ]  # fmt: skip
    assert [half.attempt for half in halves] == [1, 1]
    assert events(database, batch_id).count("chunk.split") == 1
    assert rescue(database) == 0


def test_a_poisonous_image_is_found_alone_and_fails_while_the_others_are_screened(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, events: Callable[..., list[str]]
) -> None:
    rows_ = received(8)
    poison = rows_[5].image
    batch_id = submit(database, rows_)
    deaths = 0
    while claims := take(database):
        for held in claims:
            if any(image.image == poison for image in held.images):
                lose(database, held)
                deaths += 1
            else:
                finish(database, held)
        rescue(database)
        assert deaths < 20
    assert deaths == 3 + MAX_FAULTS  # 8, 4, 2 images together, then alone
    with database.read() as session:
        report = {row.image: (row.outcome, row.reason) for row in rows(session, [batch_id], flagged_only=False)}
        total = counts(session, batch_id)
    assert report.pop(poison) == (
        "failed", "the worker died or fell silent 3 times while screening this image alone",
    )  # fmt: skip
    assert set(report.values()) == {("clear", "")}
    assert (total.equation, total.state) == (
        "8 received = 7 screened + 0 duplicate + 0 rejected + 1 failed", "complete",
    )  # fmt: skip
    telling = ("chunk.split", "chunk.taken_back", "image.failed")
    assert [name for name in events(database, batch_id) if name in telling] == [
        *["chunk.split"] * 3, *["chunk.taken_back"] * (MAX_FAULTS - 1), "image.failed",
    ]  # fmt: skip


def test_a_batch_whose_last_image_fails_in_recovery_is_closed(
    database: Database, submit: Submit, received: Make, take: Take, events: Callable[..., list[str]]
) -> None:
    batch_id = submit(database, received(1))
    for _ in range(MAX_FAULTS):
        lose(database, *take(database))
        assert rescue(database) == 1
    with database.read() as session:
        assert counts(session, batch_id).state == "complete"
    assert events(database, batch_id)[-2:] == ["image.failed", "batch.completed"]


def test_images_that_were_done_before_the_death_are_not_done_again(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    submit(database, received(3))
    (held,) = take(database)
    one, two, three = (image.id for image in held.images)
    finish(database, held, Results(scores={one: (0.9, None)}, passing={two: "no answer", three: "no answer"}))
    with database.write() as session:
        session.execute(update(Chunk).values(not_before=None))
    lose(database, *take(database))
    rescue(database)
    assert [[image.id for image in half.images] for half in take(database)] == [[two], [three]]


def test_who_slept_past_the_lease_finds_the_chunk_taken_back(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, images: Images
) -> None:
    batch_id = submit(database, received(1))
    (slept,) = take(database)
    lose(database, slept)
    rescue(database)
    for action in (lambda: finish(database, slept), lambda: renew(database, slept)):
        with pytest.raises(LeaseLost):
            action()
    assert images(database, batch_id)[0].state == "waiting"
    (again,) = take(database)
    assert again.attempt == 2
    finish(database, again)


def renew(database: Database, held: Claim) -> None:
    with database.write() as session:
        chunks.renew(session, held)


def test_the_chunk_of_a_process_of_this_machine_that_ended_is_freed_before_its_lease_does(
    database: Database, submit: Submit, received: Make, take: Take, identity_of: Callable[[int], str]
) -> None:
    holder = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        submit(database, received(1))
        (held,) = take(database, identity_of(holder.pid))
        assert rescue(database) == 0
    finally:
        holder.kill()
        holder.communicate()
    with database.read() as session:
        assert recovery.lost_chunks(session) == [held.chunk_id]
    assert rescue(database) == 1
    assert state_of(database, held.chunk_id) == ("waiting", 1, 1)


def test_rescuers_at_once_take_a_chunk_back_once(
    database: Database, submit: Submit, received: Make, take: Take, count: Count, at_once: Callable[..., list[object]]
) -> None:
    for _ in range(3):
        submit(database, received(2))
    lose(database, *take(database))
    ended = at_once([lambda: rescue(database)] * 4)
    assert sum(number for number in ended if isinstance(number, int)) == 3, ended
    assert all(isinstance(number, int) for number in ended), ended
    assert count(database, Chunk, Chunk.state == "waiting") == 6
    assert count(database, AuditEvent, AuditEvent.event == "chunk.split") == 3


def test_a_new_chunk_is_due_until_its_message_is_out(
    database: Database, submit: Submit, received: Make, images: Images, events: Callable[..., list[str]]
) -> None:
    batch_id = submit(database, received(2))
    (chunk_id,) = due(database)
    assert chunk_id == images(database, batch_id)[0].chunk_id
    send(database, chunk_id)
    assert due(database) == []
    assert {row.state for row in images(database, batch_id)} == {"queued"}
    assert events(database, batch_id)[-1] == "chunk.queued"


def test_no_more_chunks_than_asked_for_and_those_of_the_oldest_batch_first(
    database: Database, submit: Submit, received: Make, monkeypatch: pytest.MonkeyPatch, images: Images
) -> None:
    monkeypatch.setattr("storage.batch_preparation.CHUNK_IMAGES", 1)
    old = submit(database, received(3), seconds_spent=3600.0)
    new = submit(database, received(3))
    assert len(due(database, 2)) == 2
    assert set(due(database, 3)) == {row.chunk_id for row in images(database, old)}
    assert set(due(database)[3:]) == {row.chunk_id for row in images(database, new)}


def test_a_chunk_claimed_in_the_meantime_is_not_marked_as_sent(
    database: Database, submit: Submit, received: Make, take: Take, images: Images, events: Callable[..., list[str]]
) -> None:
    batch_id = submit(database, received(1))
    (chunk_id,) = due(database)
    take(database)
    send(database, chunk_id)
    assert images(database, batch_id)[0].state == "running"
    assert "chunk.queued" not in events(database, batch_id)


def test_a_queued_chunk_can_be_claimed_and_is_due_again_after_a_passing_fault(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    submit(database, received(1))
    send(database, *due(database))
    (held,) = take(database)
    finish(database, held, Results(passing={held.images[0].id: "no answer"}))
    assert due(database) == []  # the backoff is not over
    with database.write() as session:
        session.execute(update(Chunk).values(not_before=db_now(-1)))
    assert due(database) == [held.chunk_id]


def test_a_chunk_taken_back_is_due(database: Database, submit: Submit, received: Make, take: Take) -> None:
    submit(database, received(1))
    send(database, *due(database))
    (held,) = take(database)
    lose(database, held)
    rescue(database)
    assert due(database) == [held.chunk_id]


def test_old_messages_count_as_lost_and_young_ones_do_not(
    database: Database, submit: Submit, received: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.batch_preparation.CHUNK_IMAGES", 1)
    submit(database, received(2))
    old, young = due(database)
    send(database, old, young)
    with database.write() as session:
        session.execute(update(Chunk).where(Chunk.id == old).values(sent_at=db_now(-3600)))
    with database.write() as session:
        assert recovery.forget_messages(session, 1800.0) == 1
        assert recovery.forget_messages(session, 1800.0) == 0
    assert due(database) == [old]


def test_the_messages_of_running_and_finished_chunks_are_not_missed(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    submit(database, received(1))
    submit(database, received(1))
    send(database, *due(database))
    first, _second = take(database)
    finish(database, first)
    with database.write() as session:
        session.execute(update(Chunk).values(sent_at=db_now(-3600)))
        assert recovery.forget_messages(session, 30.0) == 0


def test_chunks_of_a_batch_that_still_lies_in_its_inbox_are_not_due(
    database: Database, submit: Submit, received: Make
) -> None:
    batch_id = submit(database, received(1), inbox="/inbox")
    other = submit(database, received(1), inbox="/elsewhere")
    assert due(database) == []
    with database.read() as session:
        assert inbox_moves.unmoved_batches(session, "/inbox") == [batch_id]
    with database.write() as session:
        inbox_moves.mark_moved(session, batch_id)
    with database.read() as session:
        assert inbox_moves.unmoved_batches(session, "/inbox") == []
        assert inbox_moves.unmoved_batches(session, "/elsewhere") == [other]
        chunk_id = session.scalars(select(Chunk.id).where(Chunk.batch_id == batch_id)).one()
    assert due(database) == [chunk_id]
