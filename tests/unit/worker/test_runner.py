"""What becomes of a chunk: done, not due, refused or lost, and nothing in between."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from models.calibration import Calibration
from models.checksum import sha256_hex
from models.errors import ModelInvalid, OurFault, PassingFault, ServiceUnreachable
from models.manifest import Manifest
from models.version import ModelVersion
from storage import audit, chunks, pause, predictions, recovery, registry, workers
from storage.batches import key_of
from storage.clock import db_now
from storage.comparison import pairs
from storage.database import Database
from storage.engines import Computed
from storage.schema import AuditEvent, Base, Batch, Chunk, Decision, Image, Prediction, Worker
from storage.settings import Settings
from storage.states import Role
from worker import runner
from worker.networks import Networks
from worker.runner import WRITE_TRIES, Runner, patiently

HandedIn = Callable[[list[Path]], str]
ME = "host/ns/1/2"


@pytest.fixture
def paths(tmp_path: Path, photograph: Callable[..., Path]) -> list[Path]:
    return [photograph(tmp_path / "ward" / f"{n}.jpg", seed=n, side=80 + 10 * n) for n in range(4)]


@pytest.fixture
def ours(database: Database, networks: Networks) -> Runner:
    with database.write() as session:
        workers.sign_on(session, ME, "host", 1, "cpu")
    return Runner(database, networks, ME)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    monkeypatch.setattr(runner.time, "sleep", made.append)
    return made


def chunk_of(database: Database, batch_id: str) -> Chunk:
    with database.read() as session:
        return session.scalars(select(Chunk).where(Chunk.batch_id == batch_id)).one()


def states(database: Database, batch_id: str) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Image.state).where(Image.batch_id == batch_id).order_by(Image.position)))


def count(database: Database, table: type[Base]) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def stored(database: Database) -> dict[str, float]:
    """image as submitted -> probability."""
    query = select(Image.image, Prediction.probability).join(Decision, Decision.image_id == Image.id)
    with database.read() as session:
        rows = session.execute(query.join(Prediction, Decision.prediction_id == Prediction.id)).all()
        return {row.image: row.probability for row in rows}


def expected(paths: list[Path], scored: Callable[..., Any]) -> dict[str, float]:
    from models.preprocessing import prepare

    return {p.name: round(float(scored(prepare(p.read_bytes(), ".jpg", "square-1", 32)[None])[0]), 6) for p in paths}


def test_done(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], scored: Callable[..., Any]
) -> None:
    batch_id = handed_in(paths)
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["screened"] * 4
    assert stored(database) == expected(paths, scored)
    chunk = chunk_of(database, batch_id)
    assert (chunk.state, chunk.attempt, chunk.faults, chunk.holder, chunk.lease_until) == ("done", 1, 0, None, None)
    with database.read() as session:
        assert session.get_one(Batch, batch_id).state == "complete"
        assert audit.verify(session) == count(database, AuditEvent)


def test_a_refused_file_does_not_hold_up_the_rest(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path]
) -> None:
    batch_id = handed_in(paths)
    paths[1].unlink()
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["screened", "rejected", "screened", "screened"]


@pytest.mark.parametrize("fault", ["renamed", "changed"])
def test_a_copy_is_screened_when_its_original_is_not_at_its_place_any_more(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], tmp_path: Path, fault: str
) -> None:
    copy = tmp_path / "ward" / "copy.jpg"
    copy.write_bytes(paths[0].read_bytes())
    batch_id = handed_in([paths[0], copy])
    if fault == "renamed":
        paths[0].rename(tmp_path / "tidied-up.jpg")
    else:
        paths[0].write_bytes(paths[1].read_bytes())
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["rejected", "waiting"]
    with database.read() as session:
        (stand_in,) = session.scalars(select(Chunk.id).where(Chunk.state == "waiting"))
        assert recovery.due_chunks(session, 10) == [stand_in]
    assert ours.run(stand_in) == "done"
    assert states(database, batch_id) == ["rejected", "screened"]
    with database.read() as session:
        assert session.get_one(Batch, batch_id).state == "complete"
        assert audit.verify(session)


def test_a_copy_of_bytes_that_are_no_picture_stays_one(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path]
) -> None:
    for path in paths[:2]:
        path.write_bytes(b"no picture")
    batch_id = handed_in(paths[:2])
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["rejected", "duplicate"]


def test_a_chunk_that_is_done_taken_or_unknown_is_not_due(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any
) -> None:
    chunk_id = chunk_of(database, handed_in(paths)).id
    assert ours.run("no such chunk") == "not due"
    with database.write() as session:
        held = chunks.claim(session, chunk_id, "another")
    assert held is not None
    assert ours.run(chunk_id) == "not due"
    assert network.seen == []
    with database.write() as session:
        chunks.hand_back(session, held, "given back")
        session.execute(update(Chunk).values(not_before=db_now(3600)))
    assert ours.run(chunk_id) == "not due"
    with database.write() as session:
        session.execute(update(Chunk).values(not_before=db_now(-1)))
    assert ours.run(chunk_id) == "done"
    assert ours.run(chunk_id) == "not due"
    assert len(network.seen) == 1


def test_a_paused_site_hands_nothing_out(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any
) -> None:
    chunk_id = chunk_of(database, batch_id := handed_in(paths)).id
    with database.write() as session:
        recovery.mark_sent(session, [chunk_id])
        pause.turn(session, on=True, actor="dr jones")
    assert ours.run(chunk_id) == "put off: the site is paused"
    assert states(database, batch_id) == ["waiting"] * 4
    with database.write() as session:
        assert recovery.due_chunks(session, 10) == [chunk_id]
        pause.turn(session, on=False, actor="dr jones")
    assert len(network.seen) == 0
    assert ours.run(chunk_id) == "done"


def assert_refused(database: Database, batch_id: str, reason: str) -> None:
    assert states(database, batch_id) == ["waiting"] * 4
    chunk = chunk_of(database, batch_id)
    assert (chunk.state, chunk.faults, chunk.holder) == ("waiting", 0, None)
    assert reason in (chunk.reason or "")
    assert (count(database, Prediction), count(database, Decision)) == (0, 0)
    with database.read() as session:
        assert reason in (session.get_one(Worker, ME).refused or "")
        assert workers.alive(session) == []
        last = session.scalars(select(AuditEvent).order_by(AuditEvent.seq.desc()).limit(1)).one()
        assert last.event == "chunk.handed_back"
        assert reason in json.loads(last.body)["reason"]


def test_a_model_that_is_not_what_its_manifest_says_is_refused(
    database: Database, settings: Settings, ours: Runner, handed_in: HandedIn, paths: list[Path]
) -> None:
    batch_id = handed_in(paths)

    def load(version: Any) -> Any:
        return version.verified_weights()

    (settings.home / "models" / "tested-1" / "weights.safetensors").write_bytes(b"other weights")
    refusing = Runner(database, Networks(settings.home, load), ME)
    assert refusing.run(chunk_of(database, batch_id).id) == "refused"
    assert_refused(database, batch_id, f"expected SHA-256 {'0' * 64}, received {sha256_hex(b'other weights')}")
    # another worker, whose copy is sound, screens it
    assert ours.run(chunk_of(database, batch_id).id) == "done"


def test_a_model_that_is_gone_is_refused(
    database: Database, settings: Settings, ours: Runner, handed_in: HandedIn, paths: list[Path]
) -> None:
    batch_id = handed_in(paths)
    (settings.home / "models" / "tested-1" / "manifest.json").unlink()
    assert ours.run(chunk_of(database, batch_id).id) == "refused"
    assert_refused(database, batch_id, "no model version 'tested-1'")


def test_a_preprocessing_of_another_release_is_refused(
    database: Database, settings: Settings, ours: Runner, handed_in: HandedIn, paths: list[Path], manifest: Manifest
) -> None:
    batch_id = handed_in(paths)
    path = settings.home / "models" / "tested-1" / "manifest.json"
    path.write_text(json.dumps(manifest.raw | {"preprocessing": "fov-9"}))
    assert ours.run(chunk_of(database, batch_id).id) == "refused"
    assert_refused(database, batch_id, "preprocessing 'fov-9' is not known to this release")


def taken_over(database: Database) -> Callable[[], None]:
    """Another worker is given the chunks, as after an expired lease."""

    def take() -> None:
        with database.write() as session:
            session.execute(update(Chunk).values(attempt=Chunk.attempt + 1, holder="another"))

    return take


def assert_lost(database: Database, batch_id: str) -> None:
    assert (count(database, Prediction), count(database, Decision)) == (0, 0)
    assert states(database, batch_id) == ["running"] * 4
    chunk = chunk_of(database, batch_id)
    assert (chunk.state, chunk.attempt, chunk.holder) == ("running", 2, "another")


def test_who_lost_the_lease_stores_nothing(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any
) -> None:
    batch_id = handed_in(paths)
    network.before = taken_over(database)
    assert ours.run(chunk_of(database, batch_id).id) == "lost"
    assert len(network.seen) == 1
    assert_lost(database, batch_id)


def test_who_lost_the_lease_notices_at_the_next_renewal(
    database: Database,
    ours: Runner,
    handed_in: HandedIn,
    paths: list[Path],
    network: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.screening.PICTURES", 1)
    monkeypatch.setattr(runner, "RENEWALS", math.inf)
    batch_id = handed_in(paths)
    network.before = taken_over(database)
    assert ours.run(chunk_of(database, batch_id).id) == "lost"
    assert len(network.seen) == 1  # of four: it went no further
    assert_lost(database, batch_id)


def test_the_lease_is_renewed_while_there_is_progress(
    database: Database,
    ours: Runner,
    handed_in: HandedIn,
    paths: list[Path],
    network: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.screening.PICTURES", 1)
    monkeypatch.setattr(runner, "RENEWALS", math.inf)
    held: list[bool] = []

    def look_and_let_it_expire() -> None:
        with database.write() as session:
            held.append(session.scalars(select(Chunk.lease_until > db_now())).one())
            session.execute(update(Chunk).values(lease_until=db_now(-10)))

    network.before = look_and_let_it_expire
    assert ours.run(chunk_of(database, handed_in(paths)).id) == "done"
    assert held == [True] * 4


def test_bytes_that_another_batch_brought_in_meanwhile_are_not_computed_again(
    database: Database,
    ours: Runner,
    handed_in: HandedIn,
    paths: list[Path],
    network: Any,
    manifest: Manifest,
    scored: Callable[..., Any],
) -> None:
    batch_id = handed_in(paths)
    key = predictions.Key(manifest.name, manifest.preprocessing)
    with database.write() as session:
        checksum = sha256_hex(paths[1].read_bytes())
        predictions.record(session, key, [(checksum, 0.123456, None)])
        blurred = sha256_hex(paths[2].read_bytes())
        predictions.record(session, key, [(blurred, 0.2, "blurred")])
        # another preprocessing is another prediction
        other = predictions.Key(manifest.name, "square-0")
        predictions.record(session, other, [(sha256_hex(paths[0].read_bytes()), 0.9, None)])
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert [len(call) for call in network.seen] == [2]
    assert stored(database) == expected(paths, scored) | {"1.jpg": 0.123456, "2.jpg": 0.2}
    with database.read() as session:
        rows = session.execute(select(Image.image, Decision.outcome, Decision.reason).join(Decision)).all()
        assert {row.image: row.reason for row in rows if row.reason} == {"2.jpg": "blurred"}
        assert {row.image: row.outcome for row in rows}["2.jpg"] == "review"


def test_a_result_is_written_when_the_database_answers_again(
    database: Database,
    ours: Runner,
    handed_in: HandedIn,
    paths: list[Path],
    network: Any,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
) -> None:
    batch_id = handed_in(paths)
    completes, busy = chunks.complete, [PassingFault("the database is busy")] * 2

    def complete(*arguments: Any) -> None:
        completes(*arguments)
        if busy:
            raise busy.pop()  # after it wrote: the transaction is rolled back whole

    monkeypatch.setattr(chunks, "complete", complete)
    assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert len(network.seen) == 1
    assert len(pauses) == 2
    assert states(database, batch_id) == ["screened"] * 4
    assert count(database, Decision) == 4


def test_a_passing_fault_hands_the_chunk_back_with_backoff_and_counts_nothing(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any
) -> None:
    batch_id = handed_in(paths)

    def away() -> None:
        raise ServiceUnreachable("the database does not answer")

    network.before = away
    assert ours.run(chunk_of(database, batch_id).id) == "again"
    assert states(database, batch_id) == ["waiting"] * 4
    chunk = chunk_of(database, batch_id)
    assert (chunk.state, chunk.faults, chunk.holder, chunk.reason) == (
        "waiting", 0, None, "the database does not answer",
    )  # fmt: skip
    with database.read() as session:
        assert session.scalar(select(Chunk.not_before > db_now()))


def test_a_claim_waits_for_a_busy_database(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
) -> None:  # fmt: skip
    claims, busy = chunks.claim, [PassingFault("the database is busy")] * 2

    def claim(*arguments: Any) -> Any:
        if busy:
            raise busy.pop()
        return claims(*arguments)

    monkeypatch.setattr(chunks, "claim", claim)
    assert ours.run(chunk_of(database, handed_in(paths)).id) == "done"
    assert len(pauses) == 2


def test_patience_ends_with_the_last_fault(pauses: list[float]) -> None:
    tries: list[int] = []

    def busy() -> None:
        tries.append(1)
        raise PassingFault(f"busy {len(tries)}")

    with pytest.raises(PassingFault, match=f"^busy {WRITE_TRIES}$"):
        patiently(busy)
    assert len(tries) == WRITE_TRIES
    # backoff doubles, each pause between half and all of it
    assert len(pauses) == WRITE_TRIES - 1
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses))


def test_patience_returns_what_came_at_last(pauses: list[float]) -> None:
    answers: list[Any] = [PassingFault("busy"), "written"]

    def write() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert patiently(write) == "written"
    assert len(pauses) == 1


@pytest.mark.parametrize("error", [OurFault("ours"), ModelInvalid("invalid"), ZeroDivisionError()])
def test_patience_is_for_passing_faults_alone(pauses: list[float], error: Exception) -> None:
    tries: list[int] = []

    def broken() -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        patiently(broken)
    assert (len(tries), pauses) == (1, [])


def test_a_network_that_breaks_on_one_image_fails_that_image_alone(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any
) -> None:
    """Broken off, halved, broken off again: the rest is screened, and nothing waits for a lease to end."""
    batch_id = handed_in(paths)
    poison = sha256_hex(paths[2].read_bytes())

    def unfinished() -> list[tuple[str, list[str | None]]]:
        with database.read() as session:
            waiting = session.scalars(select(Chunk).where(Chunk.state == "waiting").order_by(Chunk.id)).all()
            checksums = {
                c.id: session.scalars(select(Image.checksum).where(Image.chunk_id == c.id)).all() for c in waiting
            }
        return [(chunk_id, list(found)) for chunk_id, found in checksums.items()]

    rounds = 0
    while todo := unfinished():
        rounds += 1
        assert rounds < 10, "it never ends"
        for chunk_id, checksums in todo:

            def out_of_memory() -> None:
                raise MemoryError

            network.before = out_of_memory if poison in checksums else lambda: None
            if poison in checksums:
                with pytest.raises(MemoryError):
                    ours.run(chunk_id)
                with database.write() as session:
                    assert recovery.take_back_lost_chunks(session) == 1
            else:
                assert ours.run(chunk_id) == "done"
    with database.read() as session:
        rows = session.execute(select(Image.state, Image.reason).order_by(Image.position)).all()
        assert session.get_one(Batch, batch_id).state == "complete"
    assert [row.state for row in rows] == ["screened", "screened", "failed", "screened"]
    assert rows[2].reason == "screening broke off: out of memory (given up after 3 attempts)"


def test_a_version_of_the_same_name_with_other_weights_is_refused(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any, manifest: Manifest
) -> None:
    """As on another host that shares the database and has a data folder of its own."""
    batch_id = handed_in(paths)
    network.version = replace(network.version, manifest=replace(manifest, weights_sha256="f" * 64))
    assert ours.run(chunk_of(database, batch_id).id) == "refused"
    assert network.seen == []
    expected = f"not the weights that batch {batch_id} was handed in for: expected SHA-256 {'0' * 64}, received fff"
    assert_refused(database, batch_id, expected)
    network.version = replace(network.version, manifest=manifest)
    assert ours.run(chunk_of(database, batch_id).id) == "done"  # a host with the right ones takes it up


def test_a_version_of_the_same_name_and_weights_with_another_calibration_is_refused(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], network: Any, manifest: Manifest
) -> None:
    batch_id = handed_in(paths)
    network.version = replace(network.version, manifest=replace(manifest, calibration=Calibration("temperature", 1.5)))
    assert ours.run(chunk_of(database, batch_id).id) == "refused"
    assert network.seen == []
    assert_refused(database, batch_id, "was handed in for the same weights with another calibration, limit of")
    network.version = replace(network.version, manifest=manifest)
    with database.write() as session:  # nor is it told by a batch of an older release
        session.execute(update(Batch).values(scoring=None))
    assert ours.run(chunk_of(database, batch_id).id) == "done"


def test_a_batch_of_an_older_release_does_not_say_its_weights(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path]
) -> None:
    batch_id = handed_in(paths)
    with database.write() as session:
        session.execute(update(Batch).values(weights=None))
    assert ours.run(chunk_of(database, batch_id).id) == "done"


def test_a_score_by_other_weights_of_the_name_is_never_passed_on(
    database: Database, ours: Runner, handed_in: HandedIn, paths: list[Path], manifest: Manifest
) -> None:
    batch_id = handed_in(paths)
    with database.write() as session:
        score = (sha256_hex(paths[1].read_bytes()), 0.123456, None)
        others = Computed("f" * 64, "stub 1.0", "cpu: drawn")
        key = predictions.Key(manifest.name, manifest.preprocessing)
        predictions.record(session, key, [score], computed=others)
    for _ in range(chunks.MAX_FAULTS):
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=db_now(-1)))
        assert ours.run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["screened", "failed", "screened", "screened"]
    assert sorted(stored(database)) == ["0.jpg", "2.jpg", "3.jpg"]
    with database.read() as session:
        reason = session.scalars(select(Image.reason).where(Image.state == "failed")).one()
        assert audit.verify(session)
    assert reason == f"{predictions.SCORED_BY_OTHERS} (given up after 3 attempts)"


class Shadowed:
    """Networks of which the one in the shadow sees everything twice as bright, or breaks."""

    def __init__(self, active: Any, shadow: Any) -> None:
        self._networks = {active.version.name: active, shadow.version.name: shadow}

    def get(self, name: str) -> Any:
        return self._networks[name]


@pytest.fixture
def shadow(database: Database, network: Any, tmp_path: Path) -> Any:
    made = type(network)(ModelVersion(tmp_path, replace(network.version.manifest, name="candidate-2")))
    with database.write() as session:
        registry.give_role(session, Role.SHADOW, made.version.manifest, "technician")
    return made


def test_the_shadow_scores_and_decides_nothing(
    database: Database, handed_in: HandedIn, paths: list[Path], network: Any, shadow: Any
) -> None:
    batch_id = handed_in(paths)
    assert Runner(database, Shadowed(network, shadow), ME).run(chunk_of(database, batch_id).id) == "done"
    with database.read() as session:
        models = session.scalars(select(Prediction.model).order_by(Prediction.id)).all()
        decided = session.scalars(select(Prediction.model).join(Decision)).all()
        assert "chunk.shadowed" in session.scalars(select(AuditEvent.event)).all()
    assert sorted(models) == ["candidate-2"] * 4 + ["tested-1"] * 4
    assert decided == ["tested-1"] * 4


def test_the_shadow_scores_what_was_screened_before_it_was_one(
    database: Database, handed_in: HandedIn, paths: list[Path], network: Any, shadow: Any
) -> None:
    runner = Runner(database, Shadowed(network, shadow), ME)
    with database.write() as session:
        registry.give_role(session, Role.SHADOW, None, "technician")
    assert runner.run(chunk_of(database, handed_in(paths[:3])).id) == "done"
    before = stored(database)
    with database.write() as session:
        registry.give_role(session, Role.SHADOW, shadow.version.manifest, "technician")
        scores = [(sha256_hex(paths[n].read_bytes()), 0.25, None) for n in (0, 3)]
        predictions.record(session, key_of(shadow.version.manifest), scores)
    again = handed_in(paths)
    assert states(database, again) == ["screened", "waiting", "waiting", "waiting"]  # both have scored the first
    paths[1].unlink()  # its score stands
    assert runner.run(chunk_of(database, again).id) == "done"
    assert states(database, again) == ["screened"] * 4
    assert [len(call) for call in network.seen] == [3, 1], "nothing is computed twice"
    assert [len(call) for call in shadow.seen] == [1]
    assert stored(database).items() > before.items()
    with database.read() as session:
        assert len(pairs(session, "tested-1", "candidate-2")) == 3
        assert audit.verify(session)


def test_a_shadow_that_breaks_harms_nothing(
    database: Database, handed_in: HandedIn, paths: list[Path], network: Any, shadow: Any
) -> None:
    def broken() -> None:
        raise MemoryError

    shadow.before = broken
    batch_id = handed_in(paths)
    assert Runner(database, Shadowed(network, shadow), ME).run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["screened"] * 4
    assert count(database, Prediction) == 4


def test_a_shadow_with_other_weights_than_were_activated_scores_nothing(
    database: Database, handed_in: HandedIn, paths: list[Path], network: Any, shadow: Any
) -> None:
    other = replace(shadow.version.manifest, weights_sha256="f" * 64)
    shadow.version = replace(shadow.version, manifest=other)
    batch_id = handed_in(paths)
    assert Runner(database, Shadowed(network, shadow), ME).run(chunk_of(database, batch_id).id) == "done"
    assert states(database, batch_id) == ["screened"] * 4
    assert shadow.seen == []
    assert count(database, Prediction) == 4
