"""Point values of the usual metrics, by scikit-learn; None where a set of images does not define one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    roc_auc_score,
)

from models.evaluation.cases import Arrays


@dataclass(frozen=True)
class Confusion:
    """How many images a threshold got right and wrong."""

    hits: int  # malignant and flagged
    misses: int  # malignant and not flagged
    alarms: int  # benign and flagged
    spared: int  # benign and not flagged

    @property
    def images(self) -> int:
        return self.hits + self.misses + self.alarms + self.spared

    @property
    def malignant(self) -> int:
        return self.hits + self.misses

    @property
    def benign(self) -> int:
        return self.alarms + self.spared

    @property
    def flagged(self) -> int:
        return self.hits + self.alarms

    @property
    def sensitivity(self) -> float | None:
        return share(self.hits, self.malignant)

    @property
    def specificity(self) -> float | None:
        return share(self.spared, self.benign)

    @property
    def ppv(self) -> float | None:
        return share(self.hits, self.flagged)

    @property
    def npv(self) -> float | None:
        return share(self.spared, self.spared + self.misses)


def share(part: int, total: int) -> float | None:
    """part / total, 0..1, or None where there is nothing to divide by."""
    return part / total if total else None


def confusion(cases: Arrays, threshold: float) -> Confusion:
    """The confusion matrix of a threshold, 0..1; an image is flagged at or above it."""
    flagged = (cases.probabilities >= threshold).astype(np.int64)
    (spared, alarms), (misses, hits) = confusion_matrix(cases.labels, flagged, labels=[0, 1]).tolist()
    return Confusion(hits=hits, misses=misses, alarms=alarms, spared=spared)


def accuracy(cases: Arrays, threshold: float) -> float:
    """Share of the images that are judged right, 0..1."""
    return float(accuracy_score(cases.labels, cases.probabilities >= threshold))


def f1(cases: Arrays, threshold: float) -> float | None:
    """Harmonic mean of sensitivity and PPV, 0..1; None where nothing is malignant and nothing flagged."""
    flagged = cases.probabilities >= threshold
    if not cases.malignant and not flagged.any():
        return None
    return float(f1_score(cases.labels, flagged))


def roc_auc(cases: Arrays) -> float | None:
    """Area under the ROC curve, 0..1; None where a class is missing."""
    if not cases.malignant or not cases.benign:
        return None
    return float(roc_auc_score(cases.labels, cases.probabilities))


def pr_auc(cases: Arrays) -> float | None:
    """Average precision, 0..1; None where a class is missing."""
    if not cases.malignant or not cases.benign:
        return None
    return float(average_precision_score(cases.labels, cases.probabilities))


def brier(cases: Arrays) -> float:
    """Mean squared distance of probability and label, 0 (best) to 1 (Brier, Monthly Weather Review 78, 1950)."""
    return float(brier_score_loss(cases.labels, cases.probabilities, pos_label=1))


def mean_probability(cases: Arrays, label: int) -> float | None:
    """Mean probability, 0..1, of the images of a label; None where there is none."""
    of_label = cases.probabilities[cases.labels == label]
    return float(of_label.mean()) if len(of_label) else None
