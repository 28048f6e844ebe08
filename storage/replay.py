"""What is on record of screened images: their rows, and the audit event that recorded the decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.answers import ClassProbabilities
from models.rounding import text
from storage import audit
from storage.chunks import ChunkImage
from storage.paging import pages
from storage.predictions import classes_of_text
from storage.schema import AuditEvent, Batch, Decision, Image, Policy, Prediction
from storage.states import ImageState

PAGE = 500  # ids in one question to the database


@dataclass(frozen=True)
class Record:
    """One screened image as it stands on record. Of a row that is gone the fields are None.

    ``probability``: decimal text, six decimals. ``graded``: why the prediction's row says that the picture cannot be
    graded; ``reason``: the decision's. ``decided``: the body of the event image.decided, empty where there is none.
    ``weights``: SHA-256 of those that the batch was submitted for, or that the event names; ``scoring``: of all that
    the batch was submitted for (`models.scoring`), None of one of long ago.
    """

    image: ChunkImage
    batch: str
    model: str
    policy: str
    threshold: float
    preprocessing: str | None
    probability: str | None
    graded: str | None
    classes: ClassProbabilities | None
    outcome: str | None
    reason: str | None
    decided: Mapping[str, Any]
    weights: str | None
    scoring: str | None = None


class Chain:
    """Where the audit chain tells of the decisions of batches: found in one walk, a number for each image."""

    def __init__(self, session: Session, batch_ids: Sequence[str]) -> None:
        self._decided: dict[int, int] = {}  # image -> sequence number of the last event that decided it
        self._submitted: dict[str, dict[str, Any]] = {}  # batch -> the body of the event that it came in with
        for page in pages(batch_ids, PAGE):
            query = select(AuditEvent.seq, AuditEvent.event, AuditEvent.body).where(
                AuditEvent.batch_id.in_(page), AuditEvent.event.in_(("image.decided", "batch.submitted"))
            )
            for row in session.execute(query.order_by(AuditEvent.seq).execution_options(yield_per=PAGE)):
                body = json.loads(row.body)
                if row.event == "batch.submitted":
                    self._submitted[body["batch"]] = body
                else:
                    self._decided[body["image"]] = row.seq

    def decided(self, session: Session, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """image -> the body of its event, for at most `PAGE` images; those without one are left out."""
        numbers = [self._decided[image_id] for image_id in image_ids if image_id in self._decided]
        bodies = session.scalars(select(AuditEvent.body).where(AuditEvent.seq.in_(numbers)))
        return {body["image"]: body for body in map(json.loads, bodies)}

    def submitted(self, batch_id: str) -> Mapping[str, Any]:
        """The body of the event that a batch came in with, empty where there is none."""
        return self._submitted.get(batch_id, {})


def screened(session: Session, batch_id: str) -> list[int]:
    """Ids of the screened images of a batch, in the order in which they were submitted."""
    query = select(Image.id).where(Image.batch_id == batch_id, Image.state == ImageState.SCREENED)
    return list(session.scalars(query.order_by(Image.position)))


def screened_as(session: Session, name: str, location: str) -> list[int]:
    """Ids of the screened images that were submitted under a path, or lay at a place; oldest first."""
    return _screened_where(session, or_(Image.image == name, Image.location == location))


def screened_bytes(session: Session, checksum: str) -> list[int]:
    """Ids of the screened images with these bytes, oldest first."""
    return _screened_where(session, Image.checksum == checksum)


def screened_number(session: Session, image_id: int) -> list[int]:
    """The id itself where it is a screened image's, else nothing."""
    return _screened_where(session, Image.id == image_id)


def _screened_where(session: Session, condition: Any) -> list[int]:
    query = select(Image.id).where(condition, Image.state == ImageState.SCREENED).order_by(Image.id)
    return list(session.scalars(query))


def batches_of(session: Session, image_ids: Iterable[int]) -> list[str]:
    """The batches that images belong to, each once."""
    found: dict[str, None] = {}
    for page in pages(image_ids, PAGE):
        found |= dict.fromkeys(session.scalars(select(Image.batch_id).where(Image.id.in_(page)).distinct()))
    return list(found)


def records(session: Session, chain: Chain, image_ids: Sequence[int]) -> list[Record]:
    """What is on record of at most `PAGE` images, in the order of their ids."""
    query = (
        select(Image, Batch.model, Policy, Prediction, Decision)
        .join(Batch, Image.batch_id == Batch.id)
        .join(Policy, Batch.policy_id == Policy.id)
        .outerjoin(Decision, (Decision.image_id == Image.id) & (Decision.policy_id == Batch.policy_id))
        .outerjoin(Prediction, Decision.prediction_id == Prediction.id)
        .where(Image.id.in_(image_ids))
        .order_by(Image.id)
    )
    decided = chain.decided(session, image_ids)
    return [_record(*row, decided.get(row[0].id, {}), chain) for row in session.execute(query)]


def _record(
    image: Image,
    model: str,
    policy: Policy,
    prediction: Prediction | None,
    decision: Decision | None,
    decided: Mapping[str, Any],
    chain: Chain,
) -> Record:
    submitted = chain.submitted(image.batch_id)
    return Record(
        image=ChunkImage(image.id, image.image, image.location, image.checksum or ""),
        batch=image.batch_id,
        model=model,
        policy=policy.label,
        threshold=policy.threshold,
        preprocessing=prediction.preprocessing if prediction else None,
        probability=text(prediction.probability) if prediction else None,
        graded=prediction.ungradable if prediction else None,
        classes=classes_of_text(prediction.classes) if prediction else None,
        outcome=decision.outcome if decision else None,
        reason=decision.reason if decision else None,
        decided=decided,
        weights=decided.get("weights") or submitted.get("weights"),
        scoring=submitted.get("scoring"),
    )


def note(session: Session, batch_id: str | None, facts: Mapping[str, str | int | None]) -> None:
    """Put on the audit chain that somebody scored again, and what came of it."""
    audit.append(session, [audit.Event("audit.replayed", batch_id, dict(facts))])
