"""A name of a model version stands for one set of weights, in all the records of a site.

Each host has a data folder of its own: that a name is free in one says nothing of the others that share the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import ModelInvalid
from models.manifest import Manifest
from storage.schema import AuditEvent, Batch

_NAMED_BY = {"model.registered": "model", "model.activated": "new"}  # event -> its fact that is the name


def expect_same_weights(session: Session, manifest: Manifest) -> None:
    """Raises ModelInvalid when a batch, a registration or an activation on record has the name with other weights."""
    for weights in _on_record(session, manifest.name):
        if weights != manifest.weights_sha256:
            raise ModelInvalid(
                f"model {manifest.name}: this site's records have the name with other weights: expected SHA-256 "
                f"{weights}, received {manifest.weights_sha256}; a name never changes its meaning: give yours a new "
                "one, in its manifest.json and as its folder"
            )


def expect_weights_of_batch(batch_id: str, weights: str | None, manifest: Manifest) -> None:
    """Raises ModelInvalid when the version of a batch's name that is at hand has other weights than the batch's.

    ``weights``: SHA-256 of those that the batch was handed in for; of a batch of long ago, None, its name stands for
    them.
    """
    if weights not in (None, manifest.weights_sha256):
        raise ModelInvalid(
            f"model {manifest.name}: these are not the weights that batch {batch_id} was handed in for: expected "
            f"SHA-256 {weights}, received {manifest.weights_sha256}; put that version into the data folder of this "
            "host, and give the other one a name of its own"
        )


def _on_record(session: Session, name: str) -> Iterator[str]:
    of_name = Batch.model == name, Batch.weights.is_not(None)
    yield from filter(None, session.scalars(select(Batch.weights).where(*of_name).distinct()))
    # those of no batch are few, and found by the index of batches
    told = select(AuditEvent.body).where(AuditEvent.batch_id.is_(None), AuditEvent.event.in_(_NAMED_BY))
    for body in map(json.loads, session.scalars(told.order_by(AuditEvent.seq))):
        if body.get(_NAMED_BY[body["event"]]) == name and (weights := body.get("weights")):
            yield weights
