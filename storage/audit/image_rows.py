"""Whether the rows of images, predictions and decisions say what the audit events say.

A million images are compared with 24 bytes of memory each: of what an event says a keyed hash is kept, whose key is
drawn anew for every verification, so that nobody can look for rows that collide.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from array import array
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import ProofBroken
from models.rounding import text
from storage.audit.names import digests
from storage.schema import AuditEvent, Decision, Engine, Image, Policy, Prediction
from storage.states import UNFINISHED, ImageState

PAGE = 5_000
OPEN = "open"
ERASED = "erased"
NAMES = ("name_digest", "patient_digest", "lesion_digest")
_STATES = {
    "image.received": OPEN,
    "image.again": OPEN,
    "image.retried": OPEN,
    "image.stands_in": OPEN,
    "image.duplicate": ImageState.DUPLICATE,
    "image.rejected": ImageState.REJECTED,
    "image.failed": ImageState.FAILED,
    "image.decided": ImageState.SCREENED,
}
_RESULT = ("probability", "classes", "outcome", "reason", "policy", "model", "weights")


class ImageRows:
    """Takes every event in order, then checks the rows."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._key = secrets.token_bytes(16)
        most = session.scalar(select(func.max(Image.id))) or 0
        self._identity, self._state, self._seq = (array("Q", bytes(8 * (most + 1))) for _ in range(3))

    def take(self, seq: int, body: Mapping[str, str | int]) -> None:
        """Remember what an event says of its image. Raises ProofBroken when there is no such image any more."""
        state = _STATES.get(str(body["event"]))
        erased = body["event"] == "image.erased"
        if state is None and not erased:
            return
        number = int(body["image"])
        if not 0 < number < len(self._seq):
            raise ProofBroken(f"image {number} of audit event {seq} is no longer in the database")
        if erased or not self._identity[number]:  # intake, or its names are gone from now on
            names = [ERASED] if erased else [body.get(kind) for kind in NAMES]
            self._identity[number] = self._mark(body.get("checksum"), body.get("size"), *names)
        if state is not None:
            self._state[number] = self._mark(*_told(state, body))
            self._seq[number] = seq

    def check(self) -> None:
        """Compare every image's row, its prediction and its decision with the events. Raises ProofBroken."""
        twice = select(Decision.image_id).group_by(Decision.image_id).having(func.count() > 1).limit(1)
        if (number := self._session.scalar(twice)) is not None:
            raise self._disagrees(number, "a second decision")
        last = 0
        while page := self._page(last):
            for row in page:
                if any(self._seq[number] for number in range(last + 1, row.id)):
                    break
                self._check(row)
                last = row.id
            else:
                continue
            break
        gone = next((number for number in range(last + 1, len(self._seq)) if self._seq[number]), None)
        if gone is not None:
            raise ProofBroken(f"image {gone} of audit event {self._seq[gone]} is no longer in the database")

    def _page(self, last: int) -> list[Any]:
        query = (
            select(
                Image.id, Image.checksum, Image.size, Image.image, Image.patient, Image.lesion, Image.salt,
                Image.erased_at, Image.state, Image.duplicate_of, Image.reason.label("why"),
                Decision.outcome, Decision.reason, Prediction.probability, Prediction.classes, Policy.name,
                Policy.version, Prediction.model, Prediction.checksum.label("scored"), Engine.weights,
            )
            .outerjoin(Decision, Decision.image_id == Image.id)
            .outerjoin(Prediction, Prediction.id == Decision.prediction_id)
            .outerjoin(Policy, Policy.id == Decision.policy_id)
            .outerjoin(Engine, Engine.id == Prediction.engine_id)
            .where(Image.id > last)
            .order_by(Image.id)
            .limit(PAGE)
        )  # fmt: skip
        return list(self._session.execute(query))

    def _check(self, row: Any) -> None:
        if not self._seq[row.id]:
            raise ProofBroken(f"image {row.id} has no audit event: its row was inserted")
        if self._mark(row.checksum, row.size, *_names(row)) != self._identity[row.id]:
            raise self._disagrees(row.id, "which file it is")
        if self._mark(*_said(row)) != self._state[row.id]:
            raise self._disagrees(row.id, "what became of it")

    def _disagrees(self, number: int, what: str) -> ProofBroken:
        seq = self._seq[number]
        told = json.loads(self._session.scalars(select(AuditEvent.body).where(AuditEvent.seq == seq)).one())
        facts = ", ".join(f"{key} {told[key]}" for key in ("probability", "outcome", "reason") if key in told)
        said = f"{told['event']}{f' ({facts})' if facts else ''}"
        return ProofBroken(f"image {number}: its row disagrees with audit event {seq}, {said}, in {what}")

    def _mark(self, *parts: object) -> int:
        """Never 0, which stands for nothing told."""
        said = "\x1f".join("" if part is None else f"{part}" for part in parts).encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(said, digest_size=8, key=self._key).digest(), "big") or 1


def _told(state: str, body: Mapping[str, str | int]) -> list[object]:
    if state == ImageState.SCREENED:
        return [state, body["checksum"], *(body.get(fact) for fact in _RESULT)]
    if state == ImageState.DUPLICATE:
        return [state, body["duplicate_of"]]
    return [state] if state == OPEN else [state, body["reason"]]


def _said(row: Any) -> list[object]:
    if row.state == ImageState.SCREENED and row.outcome is not None:
        return [
            row.state, row.scored, text(row.probability), row.classes, row.outcome, row.reason,
            f"{row.name}/{row.version}", row.model, row.weights,
        ]  # fmt: skip
    decided = [] if row.outcome is None else ["and decided"]
    if row.state in UNFINISHED:
        return [OPEN, *decided]
    if row.state == ImageState.DUPLICATE:
        return [row.state, row.duplicate_of, *decided]
    return [row.state, row.why, *decided]


def _names(row: Any) -> list[object]:
    if row.erased_at is not None:
        return [ERASED]
    if row.salt is None:  # of before schema 0005
        return [None] * len(NAMES)
    found = digests(row.salt, row.image, row.patient, row.lesion)
    return [found.get(kind) for kind in NAMES]
