"""Hosts that share a database have data folders of their own; a name stands for one set of weights in all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import update

from models.calibration import Calibration
from models.errors import ModelInvalid, ProofBroken
from models.manifest import Manifest
from models.rounding import decimal
from storage import audit, batches, predictions, registry
from storage.batch_writer import Received
from storage.database import Database
from storage.engines import Computed
from storage.name_on_record import expect_same_weights
from storage.schema import Batch, Image
from storage.states import Role

Make = Callable[..., list[Received]]
SAYS = "this site's records have the name with other weights: expected SHA-256 0000.*, received ffff.*; a name"


@pytest.fixture
def other(manifest: Manifest) -> Manifest:
    """The version that another host has under the same name."""
    return replace(manifest, weights_sha256="f" * 64)


def hand_in(database: Database, manifest: Manifest, rows: list[Received]) -> str:
    with database.write() as session:
        return batches.create(session, batches.Header("submit", "nurse", manifest), rows)


@pytest.fixture(params=["registered", "activated", "shadow", "handed in"])
def on_record(request: pytest.FixtureRequest, database: Database, manifest: Manifest, received: Make) -> None:
    """The name came into the records, in each way that there is."""
    if request.param == "handed in":
        hand_in(database, manifest, received(1))
        return
    with database.write() as session:
        if request.param == "registered":
            registry.record_registration(session, manifest, "technician")
        else:
            role = Role.SHADOW if request.param == "shadow" else Role.ACTIVE
            registry.give_role(session, role, manifest, "technician")


@pytest.mark.usefixtures("on_record")
def test_the_name_with_other_weights_is_refused_wherever_it_comes_in(
    database: Database, other: Manifest, received: Make, count: Callable[..., int]
) -> None:
    before = count(database, Batch)
    with pytest.raises(ModelInvalid, match=SAYS):
        hand_in(database, other, received(1))
    with pytest.raises(ModelInvalid, match=SAYS), database.write() as session:
        registry.record_registration(session, other, "technician")
    with pytest.raises(ModelInvalid, match=SAYS), database.write() as session:
        registry.give_role(session, Role.ACTIVE, other, "technician")
    assert count(database, Batch) == before
    with database.read() as session:
        assert audit.verify(session)


@pytest.mark.usefixtures("on_record")
def test_the_name_and_weights_with_another_calibration_are_refused_likewise(
    database: Database, manifest: Manifest, received: Make
) -> None:
    other = replace(manifest, calibration=Calibration("temperature", 1.5))
    with pytest.raises(ModelInvalid, match="the name and these weights with another calibration, limit"):
        hand_in(database, other, received(1))
    with pytest.raises(ModelInvalid, match="expected scoring [0-9a-f]{64}, received"), database.write() as session:
        registry.give_role(session, Role.ACTIVE, other, "technician")
    with database.read() as session:
        assert audit.verify(session)


def test_a_row_that_tells_of_another_scoring_is_found(database: Database, manifest: Manifest, received: Make) -> None:
    hand_in(database, manifest, received(1))
    with database.write() as session:
        session.execute(update(Batch).values(scoring="f" * 64))
    with pytest.raises(ProofBroken, match="disagrees with audit event 2, batch.submitted"), database.read() as session:
        audit.verify(session)


@pytest.mark.usefixtures("on_record")
def test_the_same_weights_and_other_names_are_welcome(
    database: Database, manifest: Manifest, other: Manifest, received: Make
) -> None:
    named = replace(other, name="another-2")
    for welcome in (manifest, named):
        hand_in(database, welcome, received(1))
        with database.write() as session:
            registry.record_registration(session, welcome, "technician")
            registry.give_role(session, Role.ACTIVE, welcome, "technician")


def test_a_batch_of_before_the_weights_were_told_refuses_nobody(
    database: Database, manifest: Manifest, other: Manifest, received: Make
) -> None:
    hand_in(database, manifest, received(1))
    with database.write() as session:
        session.execute(update(Batch).values(weights=None))
        expect_same_weights(session, other)


@pytest.mark.parametrize(("weights", "state"), [("f", "waiting"), ("0", "screened"), (None, "screened")])
def test_a_score_by_other_weights_of_the_name_is_not_reused(
    database: Database, manifest: Manifest, received: Make, images: Callable[..., list[Image]],
    weights: str | None, state: str,
) -> None:  # fmt: skip
    """None: a prediction of before schema 0005, of whose weights nothing is on record."""
    (row,) = received(1)
    assert row.checksum
    computed = Computed(weights * 64, "stub 1.0", "cpu: drawn") if weights else None
    key = predictions.Key(manifest.name, manifest.preprocessing)
    with database.write() as session:
        predictions.record(session, key, [(row.checksum, 0.25, None)], computed=computed)
    assert [image.state for image in images(database, hand_in(database, manifest, [row]))] == [state]
    with database.write() as session:
        mine = batches.key_of(manifest)
        stored = predictions.record(session, mine, [(row.checksum, 0.75, None)])
        others = predictions.of_other_weights(session, mine, [row.checksum])
    assert others == ({row.checksum} if weights == "f" else set())
    assert [scored.probability for scored in stored.values()] == ([] if others else [decimal(0.25)])
