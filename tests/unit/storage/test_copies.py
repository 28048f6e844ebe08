"""A copy is screened when its original ends unscreened for its place: nothing is known against the bytes of both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage import audit, recovery
from storage.audit import chain
from storage.batch_writer import CHUNK_IMAGES, Received
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.copies import stand_in, unscreened_copies
from storage.counts import Counts, counts
from storage.database import Database
from storage.erased import UNSCREENED
from storage.erasure import Order, erase
from storage.erasure_choice import Whose
from storage.report import rows
from storage.retry import Retried, retry_failed
from storage.schema import AuditEvent, Batch, Chunk, Image

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Take = Callable[..., list[Claim]]
Finish = Callable[..., None]
GONE = "the file is no longer there"
ORDER = Order("on request", "Dr Jones", unscreened=True)


def looked_at(database: Database, batch_id: str) -> Counts:
    """The counts, which hold at every moment, as does the audit trail."""
    with database.read() as session:
        total = counts(session, batch_id)
        audit.verify(session)
        waiting = [image for image in session.scalars(select(Image)) if image.chunk_id and image.state == "waiting"]
        open_chunks = set(session.scalars(select(Chunk.id).where(Chunk.state == "waiting")))
    assert {image.chunk_id for image in waiting} <= open_chunks
    assert (total.state == "complete") == total.adds_up
    return total


def states(images: Images, database: Database, batch_id: str) -> list[str]:
    return [row.state for row in images(database, batch_id)]


def bodies(database: Database, event: str) -> list[dict[str, object]]:
    with database.read() as session:
        query = select(AuditEvent.body).where(AuditEvent.event == event).order_by(AuditEvent.seq)
        return [json.loads(body) for body in session.scalars(query)]


def gone(finish: Finish, database: Database, held: Claim, *, of_place: bool = True) -> None:
    """Each image of a chunk is rejected, for its place or for its bytes."""
    rejected = {image.id: GONE if of_place else "not an image" for image in held.images}
    finish(database, held, Results(rejected=rejected, misplaced=set(rejected) if of_place else set()))


def test_the_first_copy_stands_in_and_the_others_follow_it(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received("a", "b", "a", "a"))
    first, other, copy, _ = images(database, batch_id)
    (held,) = take(database)
    finish(
        database, held,
        Results(scores={other.id: (0.1, None)}, rejected={first.id: GONE}, misplaced={first.id}),
    )  # fmt: skip
    assert states(images, database, batch_id) == ["rejected", "screened", "waiting", "duplicate"]
    assert looked_at(database, batch_id).state == "open"
    (held,) = take(database)
    assert [image.id for image in held.images] == [copy.id]
    (said,) = bodies(database, "image.stands_in")
    assert {key: said[key] for key in ("image", "for", "chunk")} == {
        "image": copy.id, "for": first.id, "chunk": held.chunk_id,
    }  # fmt: skip
    finish(database, held, Results(scores={copy.id: (0.9, None)}))
    total = looked_at(database, batch_id)
    assert total.equation == "4 received = 2 screened + 1 duplicate + 1 rejected + 0 failed"
    assert (total.state, total.flagged) == ("complete", 1)
    assert images(database, batch_id)[3].duplicate_of == copy.id
    assert bodies(database, "image.duplicate")[-1]["duplicate_of"] == copy.id
    with database.read() as session:
        found = [(row.outcome, row.reason) for row in rows(session, [batch_id], flagged_only=False)]
    assert found == [("rejected", GONE), ("clear", ""), ("flagged", ""), ("duplicate", f"same bytes as {copy.image}")]


def test_where_all_are_gone_each_says_so_itself(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received("a", "a", "a"))
    for number in (1, 2, 3):
        (held,) = take(database)
        gone(finish, database, held)
        assert looked_at(database, batch_id).rejected == number
    assert states(images, database, batch_id) == ["rejected"] * 3
    assert looked_at(database, batch_id).state == "complete"
    assert len(bodies(database, "image.duplicate")) == 2


def test_bytes_that_cannot_be_screened_are_not_tried_again_in_a_copy(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received("a", "a"))
    gone(finish, database, take(database)[0], of_place=False)
    assert states(images, database, batch_id) == ["rejected", "duplicate"]
    assert looked_at(database, batch_id).state == "complete"


def test_many_originals_have_many_stand_ins(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    names = [str(number) for number in range(CHUNK_IMAGES + 3)]
    batch_id = submit(database, received(*names, *names))
    for held in take(database):
        gone(finish, database, held)
    assert states(images, database, batch_id) == ["rejected"] * len(names) + ["waiting"] * len(names)
    held, last = take(database)
    assert (len(held.images), len(last.images)) == (CHUNK_IMAGES, 3)
    finish(database, held)
    finish(database, last)
    assert looked_at(database, batch_id).screened == len(names)


@pytest.mark.parametrize("by", ["faults", "its worker's death"])
def test_a_stand_in_that_fails_is_retried_like_any_other(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish, by: str
) -> None:
    batch_id = submit(database, received("a", "a", "a"))
    gone(finish, database, take(database)[0])
    for _ in range(MAX_FAULTS):
        (held,) = take(database)
        with database.write() as session:
            session.execute(update(Chunk).values(lease_until=db_now(-1)))
        if by == "faults":
            finish(database, held, Results(faults={held.images[0].id: "out of memory"}))
        else:
            with database.write() as session:
                recovery.take_back_lost_chunks(session)
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=None))
    assert states(images, database, batch_id) == ["rejected", "failed", "duplicate"]
    _, failed, copy = images(database, batch_id)
    assert copy.duplicate_of == failed.id
    assert looked_at(database, batch_id).state == "complete"
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones") == Retried(images=1, chunks=1)
    gone(finish, database, take(database)[0])  # by now it has been tidied up too
    assert states(images, database, batch_id) == ["rejected", "rejected", "waiting"]
    finish(database, take(database)[0])
    assert looked_at(database, batch_id).state == "complete"


def of(patient: str, items: list[Received]) -> list[Received]:
    return [replace(item, patient=patient) for item in items]


def test_an_erased_original_leaves_its_copy_of_another_patient_to_be_screened(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, [*of("p-1111", received("a", "a")), *of("p-2222", received("a", "a"))])
    done = erase(database, Whose("p-1111"), ORDER)
    assert (done.images, done.unscreened) == (2, 1)
    rows_ = images(database, batch_id)
    assert [(row.state, row.reason) for row in rows_] == [
        ("failed", UNSCREENED), ("duplicate", None), ("waiting", None), ("duplicate", None),
    ]  # fmt: skip
    assert looked_at(database, batch_id).state == "open"
    (held,) = take(database)
    finish(database, held)
    assert images(database, batch_id)[3].duplicate_of == rows_[2].id
    assert looked_at(database, batch_id).equation == "4 received = 1 screened + 2 duplicate + 0 rejected + 1 failed"


def test_an_erased_original_without_another_copy_ends_its_batch(
    database: Database, submit: Submit, received: Make
) -> None:
    batch_id = submit(database, of("p-1111", received("a", "a")))
    erase(database, Whose("p-1111"), ORDER)
    assert looked_at(database, batch_id).state == "complete"
    assert bodies(database, "image.stands_in") == []


def failed_and_erased(database: Database, take: Take, finish: Finish) -> None:
    """The one image that waits meets our fault until it fails, and its patient is erased then."""
    for _ in range(MAX_FAULTS):
        (held,) = take(database)
        finish(database, held, Results(faults={held.images[0].id: "out of memory"}))
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=None))
    erase(database, Whose("p-1111"), ORDER)


def test_an_original_that_failed_and_was_erased_then_is_retried_in_its_copy(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, [*of("p-1111", received("a")), *of("p-2222", received("a"))])
    failed_and_erased(database, take, finish)
    assert states(images, database, batch_id) == ["failed", "duplicate"]
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones") == Retried(images=1, chunks=1, erased=1, copies=1)
        assert session.get_one(Batch, batch_id).state == "open"
    assert states(images, database, batch_id) == ["failed", "waiting"]
    looked_at(database, batch_id)
    finish(database, take(database)[0])
    assert looked_at(database, batch_id).state == "complete"
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones") == Retried(images=0, chunks=0, erased=1)


def test_retrying_twice_has_one_copy_stand_in(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, [*of("p-1111", received("a")), *of("p-2222", received("a", "a", "a"))])
    failed_and_erased(database, take, finish)
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones").copies == 1
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones") == Retried(images=0, chunks=0, erased=1)
    (held,) = take(database)
    with database.write() as session:
        assert retry_failed(session, batch_id, "dr jones").copies == 0
        original = images(database, batch_id)[0]
        assert stand_in(session, batch_id, [original.id]) == []
    assert states(images, database, batch_id) == ["failed", "running", "duplicate", "duplicate"]
    finish(database, held)
    assert looked_at(database, batch_id).equation == "4 received = 1 screened + 2 duplicate + 0 rejected + 1 failed"


def test_an_erased_copy_is_not_called_unscreened_once_its_bytes_were_screened(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, [*of("p-1111", received("a", "a")), *of("p-2222", received("a"))])
    erase(database, Whose("p-2222"), ORDER)
    gone(finish, database, take(database)[0])
    finish(database, take(database)[0])
    _, stood_in, erased = images(database, batch_id)
    assert erased.duplicate_of == stood_in.id
    assert looked_at(database, batch_id).equation == "3 received = 1 screened + 1 duplicate + 1 rejected + 0 failed"
    with database.read() as session:
        assert unscreened_copies(session, batch_id) == 0
        last = list(rows(session, [batch_id], flagged_only=False))[-1]
    assert (last.unscreened_copy, last.reason) == (False, f"same bytes as {stood_in.image}")


def test_many_copies_follow_page_by_page(
    database: Database, submit: Submit, received: Make, images: Images, take: Take, finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("storage.copies.PAGE", 2)
    at_once: list[int] = []
    append_texts = chain.append_texts

    def counted(session: Session, texts: Callable[[str], Iterable[chain.Text]]) -> None:
        at_once.append(sum(event == "image.duplicate" for event, _, _ in texts("")))
        append_texts(session, texts)

    batch_id = submit(database, received(*["a"] * 7))
    gone(finish, database, take(database)[0])
    held = take(database)[0]
    monkeypatch.setattr(chain, "append_texts", counted)
    finish(database, held)
    assert [number for number in at_once if number] == [2, 2, 1]
    assert {row.duplicate_of for row in images(database, batch_id)[2:]} == {held.images[0].id}
    assert looked_at(database, batch_id).equation == "7 received = 1 screened + 5 duplicate + 1 rejected + 0 failed"
