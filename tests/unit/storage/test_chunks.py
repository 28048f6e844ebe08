"""A chunk is claimed once and completed once, and every image of it ends in exactly one state."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from models.manifest import Manifest
from storage import audit, chunks, predictions
from storage.batch_writer import Received
from storage.chunks import BACKOFF_SECONDS, MAX_BACKOFF_SECONDS, MAX_FAULTS, Claim, LeaseLost, Results
from storage.clock import db_now
from storage.counts import counts
from storage.database import Database
from storage.engines import Computed
from storage.report import rows
from storage.schema import AuditEvent, Batch, Chunk, Decision, Image, Prediction

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Images = Callable[..., list[Image]]
Count = Callable[..., int]
Take = Callable[..., list[Claim]]
Finish = Callable[..., None]
AtOnce = Callable[..., list[object]]


@pytest.fixture
def one_image_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.batch_preparation.CHUNK_IMAGES", 1)


@pytest.fixture
def backoff_is_over() -> Callable[[Database], None]:
    def forget(database: Database) -> None:
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=db_now(-1)))

    return forget


def report(database: Database, batch_id: str) -> list[tuple[str, float | None, str]]:
    with database.read() as session:
        return [(row.outcome, row.probability, row.reason) for row in rows(session, [batch_id], flagged_only=False)]


def state(database: Database, batch_id: str) -> str:
    with database.read() as session:
        return counts(session, batch_id).state


def test_a_claim_hands_out_all_a_worker_needs(
    database: Database, submit: Submit, received: Make, take: Take, images: Images
) -> None:
    rows_ = received(3)
    batch_id = submit(database, rows_)
    (held,) = take(database, "ward-pc/-/7/1")
    assert (held.batch_id, held.attempt, held.model) == (batch_id, 1, "tested-1")
    assert [(image.image, image.location, image.checksum) for image in held.images] == [
        (row.image, row.location, row.checksum) for row in rows_
    ]
    assert {row.state for row in images(database, batch_id)} == {"running"}


def test_a_chunk_is_claimed_once(database: Database, submit: Submit, received: Make, take: Take) -> None:
    submit(database, received(1))
    (held,) = take(database)
    with database.write() as session:
        assert chunks.claim(session, held.chunk_id, "other") is None
        assert chunks.claim(session, "no such chunk", "other") is None


def test_of_workers_that_claim_at_once_one_wins(
    database: Database, submit: Submit, received: Make, count: Count, at_once: AtOnce, one_image_a_chunk: None
) -> None:
    submit(database, received(4))
    with database.read() as session:
        ids = list(session.scalars(select(Chunk.id)))

    def claim(chunk_id: str, number: int) -> Claim | None:
        with database.write() as session:
            return chunks.claim(session, chunk_id, f"worker {number}")

    tries = [(chunk_id, number) for chunk_id in ids for number in range(3)]
    ended = at_once(lambda each=each: claim(*each) for each in tries)  # type: ignore[misc]
    won = [claimed.chunk_id for claimed in ended if isinstance(claimed, Claim)]
    assert sorted(won) == sorted(ids)
    assert ended.count(None) == len(tries) - len(ids)
    assert count(database, AuditEvent, AuditEvent.event == "chunk.claimed") == len(ids)


def test_completing_stores_predictions_decisions_and_states(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received(2))
    (held,) = take(database)
    finish(database, held, Results(scores={held.images[0].id: (0.9, None), held.images[1].id: (0.2, None)}))
    assert report(database, batch_id) == [("flagged", 0.9, ""), ("clear", 0.2, "")]
    assert state(database, batch_id) == "complete"
    with database.read() as session:
        chunk = session.scalars(select(Chunk)).one()
    assert (chunk.state, chunk.lease_until, chunk.holder, chunk.faults) == ("done", None, None, 0)


def test_completing_twice_changes_nothing(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, count: Count
) -> None:
    batch_id = submit(database, received(1))
    (held,) = take(database)
    finish(database, held)
    before = count(database, AuditEvent)
    with pytest.raises(LeaseLost, match=f"^chunk {held.chunk_id}: attempt 1 is no longer the one that holds it$"):
        finish(database, held, Results(scores={held.images[0].id: (0.9, None)}))
    assert report(database, batch_id) == [("clear", 0.1, "")]
    assert count(database, AuditEvent) == before


def test_a_worker_that_slept_past_its_lease_writes_nothing(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, count: Count
) -> None:
    batch_id = submit(database, received(1))
    (slept,) = take(database)
    with database.write() as session:
        chunks.hand_back(session, slept, "its lease ran out")
    (held,) = take(database)
    assert held.attempt == 2
    before = count(database, AuditEvent)
    late = Results(scores={slept.images[0].id: (0.9, None)})
    for action in (
        lambda: finish(database, slept, late),
        lambda: finish(database, slept, Results(rejected={slept.images[0].id: "late"})),
        lambda: finish(database, slept, Results(faults={slept.images[0].id: "late"})),
    ):
        with pytest.raises(LeaseLost):
            action()
    for step in (chunks.renew, lambda session, claim: chunks.hand_back(session, claim, "late")):
        with pytest.raises(LeaseLost), database.write() as session:
            step(session, slept)
    assert (count(database, Prediction), count(database, Decision), count(database, AuditEvent)) == (0, 0, before)
    assert report(database, batch_id) == [("running", None, "not yet screened")]
    finish(database, held)
    assert report(database, batch_id) == [("clear", 0.1, "")]


def test_the_first_prediction_of_equal_bytes_counts(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, count: Count
) -> None:
    batch_ids = [submit(database, received("a")) for _ in range(2)]
    first, second = take(database)
    finish(database, first, Results(scores={first.images[0].id: (0.7, None)}))
    finish(database, second, Results(scores={second.images[0].id: (0.2, "blurred")}))
    assert [report(database, batch_id) for batch_id in batch_ids] == [[("flagged", 0.7, "")]] * 2
    assert count(database, Prediction) == 1


def test_equal_bytes_scored_at_once_get_one_prediction(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, count: Count, at_once: AtOnce
) -> None:
    contents = [f"picture {number}" for number in range(20)]
    batch_ids = [submit(database, received(*(contents if number % 2 else contents[::-1]))) for number in range(4)]
    held = take(database)
    scored = [
        Results(scores={image.id: ((number + 1) / 10, None) for image in claim.images})
        for number, claim in enumerate(held)
    ]
    ended = at_once(
        lambda claim=claim, results=results: finish(database, claim, results)  # type: ignore[misc]
        for claim, results in zip(held, scored, strict=True)
    )
    assert ended == [None] * 4
    assert count(database, Prediction) == 20
    seen = [sorted(report(database, batch_id)) for batch_id in batch_ids]
    assert seen == [seen[0]] * 4


@pytest.mark.parametrize(
    ("probability", "ungradable", "outcome"),
    [
        (0.5, None, "flagged"),
        (0.4999996, None, "flagged"),  # printed as 0.500000, so judged as 0.500000
        (0.4999994, None, "clear"),
        (0.499999, None, "clear"),
        (1.0, None, "flagged"),
        (0.0, None, "clear"),
        (0.499999, "blurred", "review"),
        (0.0, "blurred", "review"),
        (0.5, "blurred: sharpness 5.00", "flagged"),
        (1.0, "no lesion: the skin is even", "review"),
        (1.0, "unlike the pictures that the network learned from: distance 9.00", "review"),
    ],
)
def test_the_outcome_at_and_around_the_threshold(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, probability: float,
    ungradable: str | None, outcome: str,
) -> None:  # fmt: skip
    batch_id = submit(database, received(1))
    (held,) = take(database)
    finish(database, held, Results(scores={held.images[0].id: (probability, ungradable)}))
    assert report(database, batch_id) == [(outcome, round(probability, 6), ungradable or "")]


def test_each_image_ends_in_a_state_of_its_own(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    batch_id = submit(database, received(4))
    (held,) = take(database)
    good, refused, passing, fault = (image.id for image in held.images)
    results = Results(
        scores={good: (0.1, None)},
        rejected={refused: "not an image"},
        passing={passing: "the share did not answer"},
        faults={fault: "out of memory"},
    )
    finish(database, held, results)
    assert report(database, batch_id) == [
        ("clear", 0.1, ""),
        ("rejected", None, "not an image"),
        ("waiting", None, "not yet screened"),
        ("waiting", None, "not yet screened"),
    ]
    with database.read() as session:
        chunk = session.scalars(select(Chunk)).one()
    assert (chunk.state, chunk.faults, chunk.sent_at, chunk.holder, chunk.reason) == (
        "waiting", 1, None, None, "the share did not answer",
    )  # fmt: skip
    assert state(database, batch_id) == "open"


def test_the_next_attempt_gets_only_what_is_left_and_not_before_the_backoff(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish,
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    submit(database, received(2))
    (held,) = take(database)
    good, passing = (image.id for image in held.images)
    finish(database, held, Results(scores={good: (0.1, None)}, passing={passing: "no answer"}))
    assert take(database) == []
    backoff_is_over(database)
    (again,) = take(database)
    assert (again.attempt, [image.id for image in again.images]) == (2, [passing])


def test_faults_are_capped_and_the_image_fails_with_its_reason(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, events: Callable[..., list[str]],
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    batch_id = submit(database, received(2))
    for attempt in range(1, MAX_FAULTS + 1):
        assert state(database, batch_id) == "open"
        (held,) = take(database)
        assert held.attempt == attempt
        results = Results(faults={held.images[-1].id: "out of memory"})
        if attempt == 1:
            results.scores[held.images[0].id] = (0.1, None)
        finish(database, held, results)
        backoff_is_over(database)
    assert take(database) == []
    assert report(database, batch_id) == [
        ("clear", 0.1, ""), ("failed", None, "out of memory (given up after 3 attempts)"),
    ]  # fmt: skip
    assert state(database, batch_id) == "complete"
    names = events(database, batch_id)
    assert (names.count("image.again"), names.count("image.failed")) == (MAX_FAULTS - 1, 1)


def test_passing_faults_are_never_counted(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish,
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    batch_id = submit(database, received(1))
    for _ in range(3 * MAX_FAULTS):
        (held,) = take(database)
        finish(database, held, Results(passing={held.images[0].id: "no answer"}))
        backoff_is_over(database)
    assert report(database, batch_id) == [("waiting", None, "not yet screened")]
    (held,) = take(database)
    finish(database, held)
    assert state(database, batch_id) == "complete"


def test_passing_images_go_on_when_another_images_faults_are_used_up(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish,
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    batch_id = submit(database, received(2))
    for _ in range(MAX_FAULTS):
        (held,) = take(database)
        passing, fault = (image.id for image in held.images)
        finish(database, held, Results(passing={passing: "no answer"}, faults={fault: "boom"}))
        backoff_is_over(database)
    assert [outcome for outcome, _, _ in report(database, batch_id)] == ["waiting", "failed"]
    (held,) = take(database)
    finish(database, held)
    assert state(database, batch_id) == "complete"


def test_the_backoff_doubles_up_to_its_limit(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish,
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    submit(database, received(1))
    pauses = []
    for _ in range(9):
        (held,) = take(database)
        finish(database, held, Results(passing={held.images[0].id: "no answer"}))
        with database.read() as session:
            until, now = session.execute(select(Chunk.not_before, db_now())).one()
        pauses.append((until - now).total_seconds())
        backoff_is_over(database)
    expected = [min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2**number) for number in range(9)]
    # the jitter takes up to a quarter away; a little of the pause is over when it is read
    for pause, longest in zip(pauses, expected, strict=True):
        assert 0.75 * longest - 4 <= pause <= longest
    assert expected[-1] == MAX_BACKOFF_SECONDS


def test_passing_faults_have_no_cap_and_their_backoff_has() -> None:
    pauses = {chunks.backoff_seconds(2000) for _ in range(20)}
    assert len(pauses) > 1
    assert all(0.75 * MAX_BACKOFF_SECONDS <= pause <= MAX_BACKOFF_SECONDS for pause in pauses)


def test_a_chunk_handed_back_is_due_at_once_and_nothing_is_counted(
    database: Database, submit: Submit, received: Make, take: Take, images: Images
) -> None:
    batch_id = submit(database, received(2))
    for attempt in range(1, 2 * MAX_FAULTS):
        (held,) = take(database)
        assert held.attempt == attempt
        with database.write() as session:
            chunks.hand_back(session, held, "the model version is missing")
    with database.read() as session:
        chunk = session.scalars(select(Chunk)).one()
    assert (chunk.state, chunk.faults, chunk.reason) == ("waiting", 0, "the model version is missing")
    assert {row.state for row in images(database, batch_id)} == {"waiting"}


def test_renewing_extends_the_lease(database: Database, submit: Submit, received: Make, take: Take) -> None:
    submit(database, received(1))
    (held,) = take(database)
    with database.write() as session:
        session.execute(update(Chunk).values(lease_until=db_now(-1)))
    with database.write() as session:
        chunks.renew(session, held)
    with database.read() as session:
        assert session.scalar(select(Chunk.lease_until > db_now(chunks.LEASE_SECONDS / 2)))


def test_last_chunks_that_complete_at_once_close_the_batch(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish, events: Callable[..., list[str]],
    at_once: AtOnce, one_image_a_chunk: None,
) -> None:  # fmt: skip
    for _ in range(3):
        batch_id = submit(database, received(6))
        ended = at_once(lambda held=held: finish(database, held) for held in take(database))  # type: ignore[misc]
        assert ended == [None] * 6
        assert state(database, batch_id) == "complete"
        assert events(database, batch_id).count("batch.completed") == 1


def test_completing_does_not_wait_for_one_who_merely_refers_to_the_batch(
    postgres_database: Database, submit: Submit, received: Make, take: Take, finish: Finish
) -> None:
    """Two chunks completing at once waited for each other: each had inserted decisions, which lock the batch's key."""
    batch_id = submit(postgres_database, received(1))
    (held,) = take(postgres_database)
    with postgres_database.write() as other:
        other.scalars(select(Batch).where(Batch.id == batch_id).with_for_update(read=True, key_share=True)).one()
        thread = threading.Thread(target=finish, args=(postgres_database, held))
        thread.start()
        thread.join(20)
        waited = thread.is_alive()
    thread.join()
    assert not waited


def test_decisions_are_of_the_policy_of_the_batch(
    database: Database, submit: Submit, received: Make, take: Take, finish: Finish,
    with_threshold: Callable[[float], Manifest],
) -> None:  # fmt: skip
    """A threshold changed while a batch waits concerns later batches alone."""
    batch_id = submit(database, received(1))
    (held,) = take(database)
    submit(database, received(1), manifest=with_threshold(0.05))
    finish(database, held)
    assert report(database, batch_id) == [("clear", 0.1, "")]


def test_an_image_that_other_weights_scored_while_it_was_screened_is_a_fault_and_the_others_are_decided(
    database: Database, submit: Submit, received: Make, take: Take, images: Images, manifest: Manifest,
    backoff_is_over: Callable[[Database], None],
) -> None:  # fmt: skip
    batch_id = submit(database, received(2))
    outrun, _ = images(database, batch_id)
    key = predictions.Key(manifest.name, manifest.preprocessing, manifest.weights_sha256)
    for attempt in range(1, MAX_FAULTS + 1):
        (held,) = take(database)
        if attempt == 1:
            with database.write() as session:
                theirs = Computed("f" * 64, "stub 1.0", "cpu: drawn")
                predictions.record(session, key, [(outrun.checksum or "", 0.5, None)], computed=theirs)
        computed = Computed(manifest.weights_sha256, "stub 1.0", "cpu: drawn")
        results = Results(scores={image.id: (0.1, None) for image in held.images}, computed=computed)
        with database.write() as session:
            chunks.complete(session, held, key, results)
        if attempt < MAX_FAULTS:
            assert [row.state for row in images(database, batch_id)] == ["waiting", "screened"]
            assert state(database, batch_id) == "open"
        backoff_is_over(database)
    assert report(database, batch_id) == [
        ("failed", None, f"{predictions.SCORED_BY_OTHERS} (given up after 3 attempts)"), ("clear", 0.1, ""),
    ]  # fmt: skip
    assert state(database, batch_id) == "complete"
    with database.read() as session:
        assert audit.verify(session)
