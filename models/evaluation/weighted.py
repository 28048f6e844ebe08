"""All numbers of a measurement under many weightings of its images at once: what the bootstrap needs.

scikit-learn takes one weighting a call, 1 to 3 ms each; 1,000 resamples of 30 numbers would take a minute. A test
compares each number with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.calibration import bin_numbers
from models.evaluation.cases import Arrays
from models.evaluation.predictive import negative_predictive_value, positive_predictive_value

Floats = NDArray[np.float64]


class Weighted:
    """Statistics of fixed cases. Call with weights (r, n), 0 or more; see ``__call__`` for what comes back."""

    def __init__(self, cases: Arrays, thresholds: Sequence[float], prevalences: Sequence[float], bins: int) -> None:
        self._prevalences, self._bins = prevalences, bins
        malignant, probabilities = cases.labels.astype(np.float64), cases.probabilities
        self._malignant = malignant
        # the last place of each run of equal probabilities: only there does a curve have a point
        self._ends = np.append(np.flatnonzero(np.diff(probabilities)), len(probabilities) - 1)
        self._flagged = np.stack([probabilities >= threshold for threshold in thresholds], axis=1).astype(np.float64)
        self._squares = (probabilities - malignant) ** 2
        members = np.zeros((len(malignant), bins))
        members[np.arange(len(malignant)), bin_numbers(probabilities, bins)] = 1.0
        self._members = members
        self._of_malignant, self._of_benign = malignant * probabilities, (1 - malignant) * probabilities
        self._bin_malignant, self._bin_probability = members * malignant[:, None], members * probabilities[:, None]

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """Numbers by name, (r,), NaN where they are not defined.

        ``roc_auc``, ``pr_auc``, ``brier``, ``ece``, ``mean_malignant``, ``mean_benign``; for threshold number t (r,
        thresholds) ``sensitivity``, ``specificity``, ``accuracy``, ``f1``, ``flagged``, ``ppv``, ``npv``; with a third
        axis for the prevalences ``ppv_at``, ``npv_at``; ``bin_share`` (r, bins).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._ranked(weights) | self._at_thresholds(weights) | self._calibration(weights)

    def _ranked(self, weights: Floats) -> dict[str, Floats]:
        positive = np.cumsum(weights * self._malignant, axis=1)[:, self._ends]
        negative = np.cumsum(weights * (1 - self._malignant), axis=1)[:, self._ends]
        caught, alarms = np.diff(positive, axis=1, prepend=0), np.diff(negative, axis=1, prepend=0)
        all_positive, all_negative = positive[:, -1], negative[:, -1]
        auc = _auc(positive, caught, alarms, all_positive * all_negative)
        either = positive + negative
        precision = np.divide(positive, either, out=np.zeros_like(either), where=either > 0)
        one_class = (all_positive == 0) | (all_negative == 0)
        average = np.where(one_class, np.nan, (caught * precision).sum(axis=1) / all_positive)
        return {"roc_auc": auc, "pr_auc": average}

    def _at_thresholds(self, weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)[:, None]
        positives = (weights @ self._malignant)[:, None]
        hits = (weights * self._malignant) @ self._flagged
        flagged = weights @ self._flagged
        alarms = flagged - hits
        misses, spared = positives - hits, total - positives - alarms
        sensitivity, specificity = hits / positives, spared / (total - positives)
        at = np.asarray(self._prevalences, np.float64)
        deep = sensitivity[:, :, None], specificity[:, :, None]
        return {
            "sensitivity": sensitivity,
            "specificity": specificity,
            "accuracy": (hits + spared) / total,
            "f1": 2 * hits / (2 * hits + alarms + misses),
            "flagged": flagged / total,
            "ppv": hits / flagged,
            "npv": spared / (spared + misses),
            "ppv_at": positive_predictive_value(*deep, at),
            "npv_at": negative_predictive_value(*deep, at),
        }

    def _calibration(self, weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        inside = weights @ self._members
        malignant, probability = weights @ self._bin_malignant, weights @ self._bin_probability
        return {
            "brier": weights @ self._squares / total,
            "ece": np.abs(malignant - probability).sum(axis=1) / total,
            "mean_malignant": weights @ self._of_malignant / (weights @ self._malignant),
            "mean_benign": weights @ self._of_benign / (weights @ (1 - self._malignant)),
            "bin_share": malignant / inside,
        }


def weighted_roc_auc(weights: Floats, members: Floats, ends: NDArray[np.int64]) -> Floats:
    """ROC-AUC (r,), 0..1, NaN where one side is missing.

    weights: (r, n), of images by falling score; members: (n,), 1 for those to be found; ends: the last place of each
    run of equal scores.
    """
    positive = np.cumsum(weights * members, axis=1)[:, ends]
    negative = np.cumsum(weights * (1 - members), axis=1)[:, ends]
    caught, alarms = np.diff(positive, axis=1, prepend=0), np.diff(negative, axis=1, prepend=0)
    return _auc(positive, caught, alarms, positive[:, -1] * negative[:, -1])


def _auc(positive: Floats, caught: Floats, alarms: Floats, pairs: Floats) -> Floats:
    # a benign image of equal probability counts as half passed (Hanley and McNeil 1982)
    area: Floats = (alarms * (positive - caught / 2)).sum(axis=1) / pairs
    return area
