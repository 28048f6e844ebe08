"""Report rows and the CSV that everybody gets: the command line and the nightly export alike."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain
from typing import IO, Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from models.answers import ClassProbabilities, most_probable
from models.csv_cells import harmless
from models.rounding import text
from storage.erased import ERASED_IMAGE
from storage.paging import pages
from storage.predictions import classes_of_text
from storage.schema import Batch, Decision, Image, Policy, Prediction
from storage.states import NOT_JUDGED, UNFINISHED, ImageState, Outcome

BATCHES_AT_ONCE = 1_000  # whose flagged lesions one statement asks for; a database takes 32,766 values in one at most
NOTICE = "Research software: a screening aid, not a diagnosis and not a medical device."
COLUMNS = (
    "batch", "image", "checksum", "outcome", "probability", "threshold", "model", "policy", "reason",
    "site", "submitter", "notice", "class", "class_probability",
    "patient", "lesion",
)  # fmt: skip

_Query = Select[Image, Batch, Decision, Prediction, Policy, str, str]


@dataclass(frozen=True)
class ReportRow:
    """One image of a report. ``outcome`` of an image that was not scored is its state; it has no probability.

    ``classes``: what a network of several classes said of each, None of a binary one.
    """

    batch: str
    image: str
    location: str
    checksum: str
    outcome: str
    probability: float | None
    threshold: float | None
    model: str
    policy: str
    reason: str
    site: str
    submitter: str
    classes: ClassProbabilities | None = None
    patient: str = ""  # pseudonym, and that of the lesion; "" where nobody said
    lesion: str = ""
    erased: bool = False
    weights: str | None = None  # SHA-256 of those that its batch was handed in for; None of a batch of long ago
    scoring: str | None = None  # and of all that scores with them (`models.scoring`); likewise
    unscreened_copy: bool = False  # a copy of an image that nobody judged: neither of them has an outcome

    @property
    def most_probable(self) -> tuple[str, float] | None:
        """The most probable of several classes, and its probability."""
        if not self.classes:
            return None
        name = most_probable(self.classes)
        return name, self.classes[name]

    def as_text(self) -> dict[str, str]:
        """The row as it stands in the CSV: numbers with six decimals, nothing for what is not known."""
        return {
            "batch": self.batch,
            "image": self.image,
            "checksum": self.checksum,
            "outcome": self.outcome,
            "probability": "" if self.probability is None else text(self.probability),
            "threshold": "" if self.threshold is None else text(self.threshold),
            "model": self.model,
            "policy": self.policy,
            "reason": self.reason,
            "site": self.site,
            "submitter": self.submitter,
            "notice": NOTICE,
            "class": self.most_probable[0] if self.most_probable else "",
            "class_probability": text(self.most_probable[1]) if self.most_probable else "",
            "patient": self.patient,
            "lesion": self.lesion,
        }


def rows(session: Session, batch_ids: Sequence[str], *, flagged_only: bool) -> Iterator[ReportRow]:
    """Flagged lesions by falling probability over all batches, or every image in the order it was submitted.

    Equal probabilities come by batch, the oldest first, and position; all images come batch by batch.
    """

    def found(query: _Query) -> Iterator[Any]:
        return iter(session.execute(query.execution_options(yield_per=1_000)))

    every: Iterator[Any]
    if flagged_only:
        streams = (found(_flagged(some)) for some in pages(batch_ids, BATCHES_AT_ONCE))
        every = merge(*streams, key=lambda row: (-row[3].probability, row[1].created_at, row[1].id, row[0].position))
    else:
        ordered = (_images().where(Image.batch_id == batch_id).order_by(Image.position) for batch_id in batch_ids)
        every = chain.from_iterable(map(found, ordered))
    for image, batch, decision, prediction, policy, original, state in every:
        scored = image.state == ImageState.SCREENED
        yield ReportRow(
            batch=batch.id,
            image=image.image,
            location=image.location,
            checksum=image.checksum or "",
            outcome=decision.outcome if scored else image.state,
            probability=prediction.probability if scored else None,
            threshold=policy.threshold if scored else None,
            model=batch.model if scored else "",
            policy=policy.label if scored else "",
            reason=_reason(image, decision, original, state),
            site=batch.site or "",
            submitter=batch.submitter,
            classes=classes_of_text(prediction.classes) if scored else None,
            patient=image.patient or "",
            lesion=image.lesion or "",
            erased=image.erased_at is not None,
            weights=batch.weights,
            scoring=batch.scoring,
            unscreened_copy=image.state == ImageState.DUPLICATE and state in NOT_JUDGED,
        )


def _images() -> _Query:
    original = aliased(Image)
    return (
        select(Image, Batch, Decision, Prediction, Policy, original.image, original.state)
        .join(Batch, Image.batch_id == Batch.id)
        .outerjoin(Decision, (Decision.image_id == Image.id) & (Decision.policy_id == Batch.policy_id))
        .outerjoin(Prediction, Decision.prediction_id == Prediction.id)
        .outerjoin(Policy, Decision.policy_id == Policy.id)
        .outerjoin(original, Image.duplicate_of == original.id)
    )


def _flagged(batch_ids: Sequence[str]) -> _Query:
    """By the index of the decisions: a few rows of large batches, not each of their images."""
    return (
        _images()
        .where(Batch.id.in_(batch_ids), Decision.batch_id == Batch.id, Decision.outcome == Outcome.FLAGGED)
        .order_by(Prediction.probability.desc(), Batch.created_at, Batch.id, Image.position)
    )


def _reason(image: Image, decision: Decision | None, original: str | None, state: str | None) -> str:
    if image.state == ImageState.DUPLICATE:
        same = "same bytes as an erased image" if original == ERASED_IMAGE else f"same bytes as {original}"
        return f"{same}, which was not screened" if state in NOT_JUDGED else same
    if image.state in UNFINISHED:
        return "not yet screened"
    if decision is not None:
        return decision.reason or ""
    return image.reason or ""


def write_csv(file: IO[str], report: Iterable[ReportRow]) -> int:
    """Write COLUMNS and the rows; returns how many rows. ``file`` must be opened with newline=""."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    # a file name may hold a bare \r, which Python before 3.13 does not quote and every reader takes for a line's end
    careful = csv.DictWriter(file, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    number = 0
    for row in report:
        cells = {key: harmless(value) for key, value in row.as_text().items()}
        (careful if any("\r" in cell for cell in cells.values()) else writer).writerow(cells)
        number += 1
    return number
