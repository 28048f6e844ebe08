"""The images that are measured, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.answers import ClassProbabilities
from models.quality import for_review


@dataclass(frozen=True)
class Case:
    """One scored image: label 0 benign / 1 malignant; probability 0..1; group of what belongs together.

    ``part``: of the split that its model version was made with, "" for an image that is not in it.
    ``reason``: why the picture cannot be graded, as screening says it, "" where it can.
    ``class_name``: the true one of several classes, "" where it is not known; ``by_class``: the probability of each.
    """

    label: int
    probability: float
    group: str
    part: str = ""
    subgroup: str = ""
    reason: str = ""
    class_name: str = ""
    by_class: ClassProbabilities | None = None


@dataclass(frozen=True)
class Arrays:
    """Cases by falling probability, so that curves are running sums. All of shape (n,)."""

    labels: NDArray[np.int64]  # 0 or 1
    probabilities: NDArray[np.float64]  # 0..1
    groups: NDArray[np.int64]  # 0..number of groups - 1
    review_above: NDArray[np.bool_]  # whether it is for review where the threshold flags it,
    review_below: NDArray[np.bool_]  # and where the threshold does not

    @property
    def malignant(self) -> int:
        return int(self.labels.sum())

    @property
    def benign(self) -> int:
        return len(self.labels) - self.malignant

    def in_review(self, threshold: float) -> NDArray[np.bool_]:
        """(n,), which ones screening sends to review at a threshold (0..1)."""
        return np.where(self.probabilities >= threshold, self.review_above, self.review_below)

    @property
    def group_count(self) -> int:
        return int(self.groups.max()) + 1 if len(self.groups) else 0


def arrays(cases: Sequence[Case]) -> Arrays:
    """The arrays of some cases; equal cases in another order give the same arrays."""
    # group and label break ties, so that a resample does not hang on the order of a folder
    ordered = sorted(cases, key=lambda case: (-case.probability, case.group, case.label))
    numbers = {group: number for number, group in enumerate(sorted({case.group for case in cases}))}
    return Arrays(
        labels=np.array([case.label for case in ordered], np.int64),
        probabilities=np.array([case.probability for case in ordered], np.float64),
        groups=np.array([numbers[case.group] for case in ordered], np.int64),
        review_above=np.array([for_review(case.reason, flagged=True) for case in ordered], np.bool_),
        review_below=np.array([for_review(case.reason, flagged=False) for case in ordered], np.bool_),
    )
