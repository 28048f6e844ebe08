"""The chain of audit events holds, says which event does not when it does not, and tells a batch's whole life."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

import storage
from models.errors import ProofBroken
from models.manifest import Manifest
from storage import audit, chunks, recovery
from storage.audit import verification
from storage.audit.canonical import canonical
from storage.audit.link import GENESIS, link_hash
from storage.audit.origin import origin
from storage.audit.triggers import drop_triggers
from storage.batch_writer import Received
from storage.chunks import MAX_FAULTS, Claim, Results
from storage.clock import db_now
from storage.database import Database
from storage.exports import write_due_exports
from storage.schema import AuditEvent, Chunk, Image

Make = Callable[..., list[Received]]
Submit = Callable[..., str]
Events = Callable[..., list[str]]


def verify(database: Database) -> int:
    with database.read() as session:
        return audit.verify(session)


def broken(database: Database) -> str:
    with pytest.raises(ProofBroken) as proof:
        verify(database)
    return str(proof.value)


@pytest.fixture
def chained(database: Database) -> Database:
    """A database with a chain of seven events."""
    with database.write() as session:
        audit.append(session, [audit.Event("first", None, {"number": 1, "name": 'Müller «x» "y" \n', "none": None})])
    for number in range(3):
        with database.write() as session:
            pair = [audit.Event("told", f"batch {number}", {"part": part}) for part in ("a", "b")]
            audit.append(session, pair)
    return database


def unlock(session: Session) -> None:
    """What the owner of a database can do and nobody else."""
    for statement in drop_triggers(session.get_bind().dialect.name):
        session.execute(text(statement))


def change(database: Database, seq: int, /, **values: object) -> None:
    with database.write() as session:
        unlock(session)
        session.execute(update(AuditEvent).where(AuditEvent.seq == seq).values(**values))


def event(database: Database, seq: int) -> AuditEvent:
    with database.read() as session:
        return session.get_one(AuditEvent, seq)


def test_an_empty_chain_holds(database: Database) -> None:
    assert verify(database) == 0


def test_an_untouched_chain_holds_and_its_length_is_told(chained: Database) -> None:
    assert verify(chained) == 7


def test_a_chain_is_checked_beyond_its_first_page(chained: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "PAGE", 3)
    assert verify(chained) == 7
    change(chained, 7, body="{}")
    assert broken(chained) == "audit event 7 was changed after it was written"


def test_the_links_are_those_of_the_documentation(chained: Database) -> None:
    """h = SHA-256(domain || seq || previous || SHA-256(stored text)), computed here without our code."""
    previous = bytes(32)
    for seq in range(1, 8):
        row = event(chained, seq)
        inner = hashlib.sha256(row.body.encode()).digest()
        link = hashlib.sha256(b"dermscreen audit 1\n" + f"{seq}\n".encode() + previous + inner)
        assert (row.previous, row.hash) == (previous.hex(), link.hexdigest())
        previous = link.digest()


def test_the_body_is_canonical_json_without_what_is_not_known(chained: Database) -> None:
    row, here = event(chained, 1), origin()
    whose = ",".join(f'"{key}":"{here[key]}"' for key in ("account", "actor", "actor_known_by"))
    assert row.body == (
        f'{{{whose},"at":"{row.at.isoformat()}","batch":"","event":"first","host":"{here["host"]}",'
        f'"name":"Müller «x» \\"y\\" \\n","number":1,"pid":{os.getpid()},"software":"{here["software"]}"}}'
    )


@pytest.mark.parametrize("seq", [1, 4, 7])
def test_an_edited_body_is_named(chained: Database, seq: int) -> None:
    body = event(chained, seq).body
    change(chained, seq, body=body.replace('"event":"', '"event":"un'))
    assert broken(chained) == f"audit event {seq} was changed after it was written"


@pytest.mark.parametrize("seq", [1, 4, 7])
@pytest.mark.parametrize("column", ["event", "batch_id", "at"])
def test_an_edited_column_is_named(chained: Database, seq: int, column: str) -> None:
    change(chained, seq, **{column: db_now(-86_400) if column == "at" else "other"})
    assert broken(chained) == f"audit event {seq}: its columns disagree with the text that was hashed"


def test_an_edited_link_is_named(chained: Database) -> None:
    change(chained, 4, hash="0" * 64)
    assert broken(chained) == "audit event 4 was changed after it was written"
    change(chained, 4, hash=event(chained, 5).previous, previous="1" * 64)
    assert broken(chained) == "audit event 4 does not follow the one before it: inserted or replaced"


def test_an_edited_event_with_a_fitting_hash_breaks_the_next_link(chained: Database) -> None:
    row = event(chained, 4)
    body = row.body.replace('"part":"', '"part":"x')
    change(chained, 4, body=body, hash=link_hash(4, row.previous, body))
    assert broken(chained) == "audit event 5 does not follow the one before it: inserted or replaced"


@pytest.mark.parametrize("seq", [1, 4, 6])
def test_a_deleted_event_is_named(chained: Database, seq: int) -> None:
    with chained.write() as session:
        unlock(session)
        session.execute(delete(AuditEvent).where(AuditEvent.seq == seq))
    assert broken(chained) == f"audit event {seq} is missing: the next one is {seq + 1}"


def test_a_deletion_that_was_closed_up_is_named(chained: Database) -> None:
    with chained.write() as session:
        unlock(session)
        session.execute(delete(AuditEvent).where(AuditEvent.seq == 4))
    for seq in (5, 6, 7):
        change(chained, seq, seq=seq - 1)
    assert broken(chained) == "audit event 4 does not follow the one before it: inserted or replaced"


def forged(database: Database, seq: int, previous: str) -> None:
    at = event(database, 1).at
    body = canonical({"at": at.isoformat(), "batch": "", "event": "forged"})
    with database.write() as session:
        unlock(session)
        session.execute(
            insert(AuditEvent).values(
                seq=seq, at=at, event="forged", body=body, previous=previous,
                hash=link_hash(seq, previous, body),
            )
        )  # fmt: skip


def test_an_inserted_event_is_named(chained: Database) -> None:
    previous = event(chained, 3).hash
    for seq in (7, 6, 5, 4):
        change(chained, seq, seq=seq + 1)
    forged(chained, 4, previous)
    assert broken(chained) == "audit event 5 does not follow the one before it: inserted or replaced"


@pytest.mark.parametrize("seq", [0, -1])
def test_an_event_put_before_the_first_is_named(chained: Database, seq: int) -> None:
    forged(chained, seq, GENESIS)
    assert broken(chained) == f"audit event {seq} was inserted: the first one is 1"


def test_an_event_added_without_the_right_link_is_named(chained: Database) -> None:
    forged(chained, 8, GENESIS)
    assert broken(chained) == "audit event 8 does not follow the one before it: inserted or replaced"


def test_swapped_events_are_named(chained: Database) -> None:
    for old, new in ((4, 100), (5, 4), (100, 5)):
        change(chained, old, seq=new)
    assert broken(chained) == "audit event 4 does not follow the one before it: inserted or replaced"


def test_swapped_bodies_are_named(chained: Database) -> None:
    four, five = event(chained, 4), event(chained, 5)
    change(chained, 4, body=five.body)
    change(chained, 5, body=four.body)
    assert broken(chained) == "audit event 4 was changed after it was written"


def test_an_event_and_its_change_are_one_transaction(
    database: Database, submit: Submit, received: Make, count: Callable[..., int]
) -> None:
    batch_id = submit(database, received(1))
    before = count(database, AuditEvent)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        chunk_id = session.scalars(select(Chunk.id)).one()
        assert chunks.claim(session, chunk_id, "someone")
        assert session.scalar(select(Image.state).where(Image.batch_id == batch_id)) == "running"
        raise ZeroDivisionError
    assert count(database, AuditEvent) == before
    assert count(database, Image, Image.state == "waiting") == 1
    assert verify(database) == before


def test_writers_at_once_make_one_chain(database: Database, at_once: Callable[..., list[object]]) -> None:
    def write(number: int) -> None:
        for part in range(5):
            with database.write() as session:
                audit.append(session, [audit.Event("told", str(number), {"part": part})] * 2)

    assert at_once(lambda number=number: write(number) for number in range(4)) == [None] * 4  # type: ignore[misc]
    assert verify(database) == 40


def test_appending_nothing_writes_nothing(database: Database) -> None:
    with database.write() as session:
        audit.append(session, [])
    assert verify(database) == 0


def test_a_batchs_life_is_told_whole(
    database: Database, submit: Submit, received: Make, take: Callable[..., list[Claim]], finish: Callable[..., None],
    events: Events, tmp_path: Path, manifest: Manifest,
) -> None:  # fmt: skip
    rows = [*received("a", "a", "b", "c", "d"), *received("e", reason="not an image")]
    batch_id = submit(database, rows, export_folder=str(tmp_path))

    def send() -> None:
        with database.write() as session:
            recovery.mark_sent(session, recovery.due_chunks(session, 10))

    def lose() -> None:
        with database.write() as session:
            session.execute(update(Chunk).values(lease_until=db_now(-1)))
            recovery.take_back_lost_chunks(session)

    def soon() -> None:
        with database.write() as session:
            session.execute(update(Chunk).values(not_before=None))

    send()
    (held,) = take(database)
    with database.write() as session:
        chunks.hand_back(session, held, "no model")
    take(database)
    lose()  # split: a b | c d
    first, second = take(database)
    a, b, c, d = (image.id for image in (*first.images, *second.images))
    finish(database, first, Results(scores={a: (0.9, None)}, rejected={b: "changed"}))
    finish(database, second, Results(scores={c: (0.1, None)}, passing={d: "no answer"}))
    soon()
    for _ in range(MAX_FAULTS):
        take(database)
        lose()
    write_due_exports(database)

    assert events(database) == [
        "policy.changed", "batch.submitted",
        "image.received", "image.duplicate", *["image.received"] * 3, "image.rejected",
        "chunk.queued", "chunk.claimed", "chunk.handed_back", "chunk.claimed", "chunk.split",
        "chunk.claimed", "chunk.claimed", "image.decided", "image.rejected", "image.decided", "image.again",
        "chunk.claimed", "chunk.taken_back", "chunk.claimed", "chunk.taken_back", "chunk.claimed", "image.failed",
        "batch.completed", "report.exported",
    ]  # fmt: skip
    assert verify(database) == 27
    # with tests of their own: tests/unit/worker/test_runner.py, in tests/unit/storage test_retry.py, test_copies.py and
    # test_erasure.py
    elsewhere = {"chunk.shadowed", "batch.retried", "image.retried", "image.erased", "image.stands_in"}
    assert {*events(database), *elsewhere} == told_of_in_the_source()
    with database.read() as session:
        bodies = [json.loads(body) for body in session.scalars(select(AuditEvent.body).order_by(AuditEvent.seq))]
    decided = next(body for body in bodies if body["event"] == "image.decided")
    assert {key: decided[key] for key in decided if key not in ("at", "chunk", "policy_hash")} == origin() | {
        "event": "image.decided", "batch": batch_id, "image": a, "checksum": rows[0].checksum, "attempt": 1,
        "probability": "0.900000", "threshold": "0.500000", "policy": "sensitivity-95/1", "model": "tested-1",
        "outcome": "flagged", "size": rows[0].size, "preprocessing": manifest.preprocessing,
        "weights": manifest.weights_sha256, "libraries": "stub 1.0", "device": "cpu: drawn",
    }  # fmt: skip
    assert (
        decided["policy_hash"]
        == hashlib.sha256(
            b'{"model":"tested-1","name":"sensitivity-95","threshold":"0.500000","version":1}'
        ).hexdigest()
    )
    completed = bodies[-2]
    assert [completed[key] for key in ("received", "screened", "duplicate", "rejected", "failed")] == [6, 2, 1, 2, 1]
    assert bodies[-1]["sha256"] == hashlib.sha256((tmp_path / f"flagged-{batch_id}.csv").read_bytes()).hexdigest()


def told_of_in_the_source() -> set[str]:
    """Every event name that stands in the source: a new one has to appear in the life above."""
    source = "".join(path.read_text(encoding="utf-8") for path in Path(storage.__file__).parent.glob("*.py"))
    return set(re.findall(r'"((?:batch|chunk|image|policy|report)\.[a-z_]+)"', source))


def test_no_file_name_is_on_the_chain(database: Database, submit: Submit, received: Make) -> None:
    """Names of files may be names of patients, and the chain can never be cleaned."""
    submit(database, [*received(2, folder="/ward/Erika Musterfrau"), *received(1, reason="bad", folder="/ward/Erika")])
    with database.read() as session:
        assert "Erika" not in "".join(session.scalars(select(AuditEvent.body)))
