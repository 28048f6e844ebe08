"""A batch is written whole or not at all, equal bytes are screened once, and nothing that came in is left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from models.errors import UsageFault
from models.manifest import Manifest
from storage.batch_preparation import PAGE
from storage.batch_writer import CHUNK_IMAGES, Received
from storage.counts import batch_ids, counts
from storage.database import Database
from storage.report import rows
from storage.schema import AuditEvent, Batch, Chunk, Decision, Image, Policy, Prediction

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Count = Callable[..., int]


def equation(database: Database, batch_id: str) -> tuple[str, str]:
    with database.read() as session:
        total = counts(session, batch_id)
        return total.state, total.equation


def test_a_new_batch_is_open_and_everything_in_it_waits(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    batch_id = submit(database, received(3))
    assert [(row.position, row.state) for row in images(database, batch_id)] == [
        (0, "waiting"), (1, "waiting"), (2, "waiting"),
    ]  # fmt: skip
    with database.read() as session:
        total = counts(session, batch_id)
    assert (total.received, total.finished, total.adds_up, total.state) == (3, 0, False, "open")
    assert total.seconds >= 0


def test_the_equation_of_a_finished_batch(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None]
) -> None:
    batch_id = submit(database, [*received("a", "b", "c", "a"), *received("d", reason="not an image")])
    screen(database, {"/ward/0.jpg": 0.9, "/ward/1.jpg": (0.2, "blurred")})
    with database.read() as session:
        total = counts(session, batch_id)
    assert total.equation == "5 received = 3 screened + 1 duplicate + 1 rejected + 0 failed"
    assert (total.flagged, total.clear, total.review, total.state, total.adds_up) == (1, 1, 1, "complete", True)


def test_what_a_file_was_called_and_where_it_lies_is_kept(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    one = replace(received(1)[0], image="./Ward 1/Müller, «1».jpg", location="/data/1.jpg", size=2**33)
    row = images(database, submit(database, [one]))[0]
    assert (row.image, row.location, row.checksum, row.size) == (one.image, "/data/1.jpg", one.checksum, 2**33)


def test_chunks_are_full_but_for_the_last_and_in_order(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    rows_ = images(database, submit(database, received(2 * CHUNK_IMAGES + 1)))
    sizes: dict[str | None, int] = {}
    for row in rows_:
        sizes[row.chunk_id] = sizes.get(row.chunk_id, 0) + 1
    assert list(sizes.values()) == [CHUNK_IMAGES, CHUNK_IMAGES, 1]


def test_duplicates_are_linked_to_the_first_of_their_bytes(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    first, other, second, third = images(database, submit(database, received("a", "b", "a", "a")))
    assert [(row.state, row.duplicate_of, row.chunk_id) for row in (second, third)] == [
        ("duplicate", first.id, None), ("duplicate", first.id, None),
    ]  # fmt: skip
    assert (first.duplicate_of, other.duplicate_of) == (None, None)


def test_duplicates_are_found_across_pages(database: Database, submit: Submit, received: Make, images: Images) -> None:
    many = [*received("a"), *received(PAGE - 1), *received("a", "b"), *received(PAGE - 2), *received("b", "a")]
    assert len(many) == 2 * PAGE + 2
    rows_ = images(database, submit(database, many))
    assert [row.image for row in rows_] == [item.image for item in many]
    linked = {row.position: row.duplicate_of for row in rows_ if row.state == "duplicate"}
    assert linked == {PAGE: rows_[0].id, 2 * PAGE: rows_[PAGE + 1].id, 2 * PAGE + 1: rows_[0].id}


def test_equal_bytes_in_another_batch_are_no_duplicates(
    database: Database, submit: Submit, received: Make, images: Images
) -> None:
    submit(database, received("a"))
    assert images(database, submit(database, received("a")))[0].state == "waiting"


def test_refused_files_keep_their_reasons_and_are_never_queued(
    database: Database, submit: Submit, received: Make, images: Images, count: Count
) -> None:
    unreadable = Received("/ward/x.jpg", "/ward/x.jpg", None, None, "permission denied")
    batch_id = submit(database, [*received("a", reason="not an image"), unreadable])
    assert [(row.state, row.reason, row.chunk_id) for row in images(database, batch_id)] == [
        ("rejected", "not an image", None), ("rejected", "permission denied", None),
    ]  # fmt: skip
    assert count(database, Chunk) == 0
    assert equation(database, batch_id) == (
        "complete", "2 received = 0 screened + 0 duplicate + 2 rejected + 0 failed",
    )  # fmt: skip


@pytest.mark.parametrize("between", [0, PAGE])
def test_a_refused_twin_is_not_an_original(
    database: Database, submit: Submit, received: Make, images: Images, between: int
) -> None:
    """The same bytes may be refused under one name (wrong extension) and taken under another."""
    many = [*received("a", reason="wrong extension"), *received(between), *received("a", "a")]
    many += received("a", reason="wrong extension")
    rows_ = images(database, submit(database, many))
    refused, (good, copy, refused_again) = rows_[0], rows_[-3:]
    assert [row.state for row in (refused, good, copy, refused_again)] == [
        "rejected", "waiting", "duplicate", "rejected",
    ]  # fmt: skip
    assert copy.duplicate_of == good.id
    assert refused_again.duplicate_of is None


def test_bytes_scored_before_are_decided_at_once(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None], images: Images, count: Count,
    events: Callable[..., list[str]],
) -> None:  # fmt: skip
    submit(database, received("a", "b"))
    screen(database, {"/ward/0.jpg": 0.75})
    chunks_before = count(database, Chunk)
    again = submit(database, received("b", "a", "a"))
    assert count(database, Chunk) == chunks_before
    assert count(database, Prediction) == 2
    assert [row.state for row in images(database, again)] == ["screened", "screened", "duplicate"]
    assert equation(database, again) == (
        "complete", "3 received = 2 screened + 1 duplicate + 0 rejected + 0 failed",
    )  # fmt: skip
    with database.read() as session:
        report = [(row.outcome, row.probability) for row in rows(session, [again], flagged_only=False)]
        bodies = session.scalars(select(AuditEvent.body).where(AuditEvent.batch_id == again)).all()
    assert report == [("clear", 0.1), ("flagged", 0.75), ("duplicate", None)]
    assert [body.count('"inference":"reused"') for body in bodies] == [0, 1, 1, 0, 0]
    assert events(database, again) == [
        "batch.submitted", "image.decided", "image.decided", "image.duplicate", "batch.completed",
    ]  # fmt: skip


def test_known_and_new_bytes_in_one_batch(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None], images: Images
) -> None:
    submit(database, received("a"))
    screen(database)
    mixed = submit(database, received("a", "b"))
    assert [row.state for row in images(database, mixed)] == ["screened", "waiting"]
    screen(database)
    assert equation(database, mixed)[0] == "complete"


@pytest.mark.parametrize("change", [{"name": "tested-2"}, {"preprocessing": "fov-2"}], ids=str)
def test_scores_of_another_network_or_preprocessing_are_not_reused(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None], images: Images,
    manifest: Manifest, change: dict[str, str],
) -> None:  # fmt: skip
    submit(database, received("a"))
    screen(database)
    with database.write() as session:  # of before schema 0010: since then a name with another preprocessing is refused
        session.execute(update(Batch).values(scoring=None))
    other = submit(database, received("a"), manifest=replace(manifest, **change))
    assert images(database, other)[0].state == "waiting"


def test_a_new_threshold_decides_again_without_the_network(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None], count: Count,
    with_threshold: Callable[[float], Manifest],
) -> None:  # fmt: skip
    first = submit(database, received("a"))
    screen(database, {"/ward/0.jpg": 0.4})
    second = submit(database, received("a"), manifest=with_threshold(0.3))
    third = submit(database, received("a"))
    with database.read() as session:
        judged = [
            (row.outcome, row.policy, row.threshold)
            for row in rows(session, [first, second, third], flagged_only=False)
        ]
    assert judged == [
        ("clear", "sensitivity-95/1", 0.5), ("flagged", "sensitivity-95/2", 0.3), ("clear", "sensitivity-95/3", 0.5),
    ]  # fmt: skip
    assert count(database, Prediction) == 1


def test_the_policy_is_made_once(
    database: Database, submit: Submit, received: Make, count: Count, events: Callable[..., list[str]]
) -> None:
    submit(database, received(1))
    submit(database, received(1))
    assert count(database, Policy) == 1
    assert events(database).count("policy.changed") == 1


def test_two_first_batches_at_once_share_one_policy(
    database: Database, submit: Submit, received: Make, count: Count, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    ended: list[object] = []

    def second() -> None:
        try:
            ended.append(submit(database, received(1)))
        except BaseException as fault:
            ended.append(fault)

    def held_up() -> bool:
        if database.engine.dialect.name == "sqlite":
            return True  # it cannot even begin
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with database.engine.connect() as connection:
            return connection.exec_driver_sql(waiting).scalar() == 1

    def first() -> Iterator[Received]:
        yield from received(1)
        thread.start()
        eventually(held_up)

    thread = threading.Thread(target=second)
    one = submit(database, first())
    thread.join(60)
    with database.read() as session:
        assert sorted(batch_ids(session)) == sorted([one, *map(str, ended)])
    assert count(database, Policy) == 1


def test_a_source_key_makes_one_batch(database: Database, submit: Submit, received: Make, count: Count) -> None:
    batch_id = submit(database, received(1), source_key="nightly:1")
    before = count(database, AuditEvent)
    with pytest.raises(IntegrityError):
        submit(database, received(1), source_key="nightly:1")
    with database.read() as session:
        assert batch_ids(session) == [batch_id]
    assert (count(database, Image), count(database, AuditEvent)) == (1, before)
    submit(database, received(1), source_key="nightly:2")
    submit(database, received(1))
    submit(database, received(1))
    assert count(database, Batch) == 4


def test_a_batch_is_whole_or_not_at_all(
    database: Database, submit: Submit, received: Make, screen: Callable[..., None], count: Count
) -> None:
    submit(database, received("a"))
    screen(database)
    tables = (Batch, Image, Chunk, Decision, Prediction, Policy, AuditEvent)
    before = [count(database, table) for table in tables]

    def breaks_off() -> Iterator[Received]:
        yield from received("a", "b", "b")
        yield from received(PAGE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        submit(database, breaks_off())
    assert [count(database, table) for table in tables] == before


def test_a_refused_file_without_a_reason_cannot_be_stored(database: Database, submit: Submit, received: Make) -> None:
    batch_id = submit(database, received(1))
    with pytest.raises(IntegrityError), database.write() as session:
        session.scalars(select(Image).where(Image.batch_id == batch_id)).one().state = "rejected"
        session.flush()


def test_reading_before_the_transaction_counts_as_the_batchs_time(
    database: Database, submit: Submit, received: Make
) -> None:
    batch_id = submit(database, received("x", reason="no image"), seconds_spent=1000.0)
    with database.read() as session:
        assert 1000 <= counts(session, batch_id).seconds < 1060


def test_batches_are_listed_oldest_first_and_unknown_ones_are_said(
    database: Database, submit: Submit, received: Make
) -> None:
    late = submit(database, received(1))
    early = submit(database, received(1), seconds_spent=1000.0)
    with database.read() as session:
        assert batch_ids(session) == [early, late]
        assert batch_ids(session, [late, early, late]) == [late, early]
        for look in (lambda: counts(session, "nope"), lambda: batch_ids(session, [late, "nope"])):
            with pytest.raises(UsageFault, match=r"^there is no batch 'nope'; `screen status` lists them$"):
                look()
        assert session.scalar(select(func.count()).select_from(Batch)) == 2
