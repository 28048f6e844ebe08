"""What the tables say and the events do not is found, and the right place named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from models.manifest import Manifest
from storage import audit, chunks, predictions
from storage.audit import image_rows
from storage.audit.batch_weights import BatchWeights
from storage.audit.triggers import drop_triggers
from storage.batch_writer import Received
from storage.database import Database
from storage.engines import Computed
from storage.schema import Image

Make = Callable[..., list[Received]]


@pytest.fixture
def screened(
    database: Database, submit: Callable[..., str], received: Make, screen: Callable[..., None],
    images: Callable[..., list[Image]],
) -> list[int]:  # fmt: skip
    """A batch of a flagged, a clear, a rejected and a duplicate image, complete; the ids in this order."""
    rows = [*received("a", "b"), *received("c", reason="not an image"), *received("a")]
    batch_id = submit(database, rows)
    screen(database, {rows[0].image: 0.9})
    return [row.id for row in images(database, batch_id)]


def verdict(database: Database) -> str | None:
    """None: all holds."""
    try:
        with database.read() as session:
            audit.verify(session)
    except ProofBroken as error:
        return str(error)
    return None


def forge(database: Database, statement: str, **values: object) -> None:
    """What the owner of a database can do."""
    with database.write() as session:
        _unlock(session)
        session.execute(text(statement), values)


def _unlock(session: Session) -> None:
    for statement in drop_triggers(session.get_bind().dialect.name):
        session.execute(text(statement))


def test_untouched_rows_agree(database: Database, screened: list[int]) -> None:
    assert verdict(database) is None


@pytest.mark.parametrize(
    ("which", "statement", "what"),
    [
        (0, "UPDATE decisions SET outcome = 'clear' WHERE image_id = :id", "what became of it"),
        (0, "UPDATE decisions SET reason = 'blurred' WHERE image_id = :id", "what became of it"),
        (1, "DELETE FROM decisions WHERE image_id = :id", "what became of it"),
        (0, "UPDATE predictions SET probability = 0.1 WHERE probability > 0.5", "what became of it"),
        (0, "UPDATE predictions SET engine_id = NULL", "what became of it"),
        (0, "UPDATE engines SET weights = 'other'", "what became of it"),
        (0, "UPDATE images SET state = 'failed', reason = 'gone' WHERE id = :id", "what became of it"),
        (2, "UPDATE images SET reason = 'blurred' WHERE id = :id", "what became of it"),
        (3, "UPDATE images SET duplicate_of = 2 WHERE id = :id", "what became of it"),
        (0, "UPDATE images SET checksum = 'other' WHERE id = :id", "which file it is"),
        (1, "UPDATE images SET size = 1 WHERE id = :id", "which file it is"),
        (1, "UPDATE images SET image = '/ward/other.jpg' WHERE id = :id", "which file it is"),
        (1, "UPDATE images SET patient = 'p9' WHERE id = :id", "which file it is"),
        (1, "UPDATE images SET salt = NULL WHERE id = :id", "which file it is"),
        (1, "UPDATE images SET erased_at = '2026-01-01 00:00:00.000' WHERE id = :id", "which file it is"),
    ],
)
def test_an_edited_row_is_named(database: Database, screened: list[int], which: int, statement: str, what: str) -> None:
    forge(database, statement, id=screened[which])
    said = verdict(database) or ""
    assert said.startswith(f"image {screened[which]}: its row disagrees with audit event "), said
    assert said.endswith(f" in {what}"), said


def test_two_predictions_exchanged_are_found(database: Database, screened: list[int]) -> None:
    with database.read() as session:
        query = text("SELECT prediction_id FROM decisions ORDER BY image_id")
        first, second = session.scalars(query).all()
    forge(database, "UPDATE decisions SET prediction_id = :id WHERE image_id = :image", id=second, image=screened[0])
    forge(database, "UPDATE decisions SET prediction_id = :id WHERE image_id = :image", id=first, image=screened[1])
    assert f"image {screened[0]}: its row disagrees" in (verdict(database) or "")


def test_an_inserted_image_is_named(database: Database, screened: list[int]) -> None:
    forge(
        database,
        "INSERT INTO images (batch_id, position, image, location, state) "
        "SELECT batch_id, 99, 'x', 'x', 'waiting' FROM images WHERE id = :id",
        id=screened[0],
    )
    said = verdict(database) or ""
    assert said.startswith("image ") and said.endswith(" has no audit event: its row was inserted"), said


@pytest.mark.parametrize("which", [1, 3])
@pytest.mark.parametrize("page", [1, 5_000])
def test_a_deleted_image_is_named(
    database: Database, screened: list[int], which: int, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_rows, "PAGE", page)
    forge(database, "DELETE FROM decisions WHERE image_id = :id", id=screened[which])
    forge(database, "DELETE FROM images WHERE id = :id", id=screened[which])
    assert f"image {screened[which]} of audit event " in (verdict(database) or "")


def test_a_second_decision_is_named(database: Database, screened: list[int]) -> None:
    forge(
        database,
        "INSERT INTO policies (model, name, version, threshold, created_at) "
        "SELECT model, name, 2, 0.99, created_at FROM policies",
    )
    assert verdict(database) == "policy sensitivity-95/2 of tested-1 has no audit event: its row was inserted"
    forge(
        database,
        "INSERT INTO decisions (batch_id, image_id, prediction_id, policy_id, outcome, created_at) "
        "SELECT batch_id, image_id, prediction_id, 2, 'clear', created_at FROM decisions WHERE image_id = :id",
        id=screened[0],
    )
    forge(database, "UPDATE policies SET model = 'unused' WHERE id = 2")
    with database.read() as session, pytest.raises(ProofBroken, match=f"image {screened[0]}: .* in a second decision"):
        found = image_rows.ImageRows(session)
        for seq, body in audit.verification.walk(session):
            found.take(seq, body)
        found.check()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE policies SET threshold = 0.9", "its row says threshold 0.900000, audit event 1 says 0.500000"),
        ("UPDATE batches SET submitter = 'somebody else'", "its row disagrees with audit event 2, batch.submitted"),
        ("UPDATE batches SET site = 'elsewhere'", "its row disagrees with audit event 2, batch.submitted"),
        ("UPDATE batches SET state = 'open'", "its row says open, its audit events do not"),
        (
            """
            INSERT INTO activations (role, model, actor, activated_at)
            SELECT 'active', 'worse-1', 'root', created_at FROM batches
            """,
            "the role active of worse-1 has no audit event",
        ),
    ],
)
def test_rows_that_decide_about_many(database: Database, screened: list[int], statement: str, said: str) -> None:
    forge(database, statement)
    assert said in (verdict(database) or "")


@pytest.mark.parametrize("table", ["activations", "audit_events", "decisions", "engines", "policies", "predictions"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_tables_only_grow(database: Database, screened: list[int], table: str, act: str) -> None:
    with database.write() as session:
        values = "SELECT 'x', 'x', 'x', created_at FROM batches"
        session.execute(text(f"INSERT INTO activations (role, model, actor, activated_at) {values}"))
    if act.startswith("TRUNCATE") and database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    column = "seq" if table == "audit_events" else "id"
    with pytest.raises(Exception, match=f"{table} is append-only|violates foreign key"), database.write() as session:
        session.execute(text(act.format(table, column, column)))


def test_no_event_is_put_in_the_place_of_another(database: Database, screened: list[int]) -> None:
    """INSERT OR REPLACE walks around SQLite's other triggers."""
    columns = "at, event, batch_id, body, previous, hash"
    replace = "INSERT OR REPLACE" if database.engine.dialect.name == "sqlite" else "INSERT"
    for seq in ("seq", "seq - 1", "seq + 2"):
        statement = f"{replace} INTO audit_events (seq, {columns}) SELECT {seq}, {columns} FROM audit_events "
        last = "ORDER BY seq DESC LIMIT 1"
        with pytest.raises(Exception, match="an event follows the last one"), database.write() as session:
            session.execute(text(statement + last))
    assert verdict(database) is None


def test_an_image_scored_with_other_weights_than_its_batch_was_handed_in_for_is_named(
    database: Database, submit: Callable[..., str], received: Make, take: Callable[..., list[chunks.Claim]],
    manifest: Manifest,
) -> None:  # fmt: skip
    """What a worker of an older release did, on a host with another version of the same name."""
    batch_id = submit(database, received(1))
    (held,) = take(database)
    results = chunks.Results(scores={held.images[0].id: (0.9, None)})
    results.computed = Computed("f" * 64, "stub 1.0", "cpu: drawn")
    with database.write() as session:
        chunks.complete(session, held, predictions.Key(manifest.name, manifest.preprocessing), results)
    said = verdict(database) or ""
    assert f"image {held.images[0].id} was scored with other weights than batch {batch_id} was handed in for" in said
    assert f"expected SHA-256 {'0' * 64} (audit event 2), received {'f' * 64}" in said


def test_the_weights_of_a_batch_edited_are_found(database: Database, screened: list[int]) -> None:
    forge(database, "UPDATE batches SET weights = :weights", weights="f" * 64)
    assert "its row disagrees with audit event 2, batch.submitted" in (verdict(database) or "")


def test_a_decision_or_a_hand_in_without_weights_passes() -> None:
    """Predictions of before schema 0005 say nothing of theirs."""
    weights = BatchWeights()
    weights.take(1, {"event": "batch.submitted", "batch": "a"})
    weights.take(2, {"event": "image.decided", "batch": "a", "image": 1, "weights": "0"})
    weights.take(3, {"event": "batch.submitted", "batch": "b", "weights": "0"})
    weights.take(4, {"event": "image.decided", "batch": "b", "image": 2})
