"""A name of a model version stands for one set of weights, and one way to score with them, in all a site's records.

Each host has a data folder of its own: that a name is free in one says nothing of the others that share the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import ModelInvalid
from models.manifest import Manifest
from models.scoring import OTHER_SCORING, scoring_sha256
from storage.schema import AuditEvent, Batch

_NAMED_BY = {"model.registered": "model", "model.activated": "new"}  # event -> its fact that is the name


def expect_same_weights(session: Session, manifest: Manifest) -> None:
    """Raises ModelInvalid when a batch, a registration or an activation on record has the name with other weights.

    Also where it has them with another calibration, say: with other ``scoring`` of the manifest.
    """
    for weights, scoring in _on_record(session, manifest.name):
        if weights != manifest.weights_sha256:
            raise ModelInvalid(
                f"model {manifest.name}: this site's records have the name with other weights: expected SHA-256 "
                f"{weights}, received {manifest.weights_sha256}; a name never changes its meaning: give yours a new "
                "one, in its manifest.json and as its folder"
            )
        if scoring not in (None, scoring_sha256(manifest)):
            raise ModelInvalid(
                f"model {manifest.name}: this site's records have the name and these weights with {OTHER_SCORING}: "
                f"expected scoring {scoring}, received {scoring_sha256(manifest)}; a name never changes its meaning: "
                "give yours a new one, in its manifest.json and as its folder"
            )


def expect_model_of_batch(batch_id: str, weights: str | None, scoring: str | None, manifest: Manifest) -> None:
    """Raises ModelInvalid when the version at hand of a batch's name is not the batch's in all that scores.

    ``weights``, ``scoring``: SHA-256 of what the batch was handed in for (`models.scoring`); of a batch of long ago,
    None, its name stands for them.
    """
    mend = "put that version into the data folder of this host, and give the other one a name of its own"
    if weights not in (None, manifest.weights_sha256):
        raise ModelInvalid(
            f"model {manifest.name}: these are not the weights that batch {batch_id} was handed in for: expected "
            f"SHA-256 {weights}, received {manifest.weights_sha256}; {mend}"
        )
    if scoring not in (None, scoring_sha256(manifest)):
        raise ModelInvalid(
            f"model {manifest.name}: batch {batch_id} was handed in for the same weights with {OTHER_SCORING}: "
            f"expected scoring {scoring}, received {scoring_sha256(manifest)}; {mend}"
        )


def _on_record(session: Session, name: str) -> Iterator[tuple[str, str | None]]:
    of_name = Batch.model == name, Batch.weights.is_not(None)
    for row in session.execute(select(Batch.weights, Batch.scoring).where(*of_name).distinct()):
        yield row.weights, row.scoring
    # those of no batch are few, and found by the index of batches
    told = select(AuditEvent.body).where(AuditEvent.batch_id.is_(None), AuditEvent.event.in_(_NAMED_BY))
    for body in map(json.loads, session.scalars(told.order_by(AuditEvent.seq))):
        if body.get(_NAMED_BY[body["event"]]) == name and (weights := body.get("weights")):
            yield weights, body.get("scoring")
