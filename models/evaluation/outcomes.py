"""What screening makes of images at a threshold, by their true label: flagged, clear, or sent to a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.evaluation.cases import Arrays


@dataclass(frozen=True)
class Outcomes:
    """Numbers of images of one label, by the outcome that screening gives them (glossary).

    ``review_above``: how many of those for review have a probability at or above the threshold, so that sensitivity,
    specificity and the confusion matrix count them as flagged. Screening never does.
    """

    flagged: int
    clear: int
    review: int
    review_above: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def outcomes(data: Arrays, threshold: float, label: int) -> Outcomes:
    """The outcomes of the images with a label (0 or 1) at a threshold (0..1)."""
    own = data.labels == label
    above = data.probabilities >= threshold
    review = data.in_review(threshold)
    return Outcomes(
        flagged=int((own & above & ~review).sum()),
        clear=int((own & ~above & ~review).sum()),
        review=int((own & review).sum()),
        review_above=int((own & above & review).sum()),
    )
