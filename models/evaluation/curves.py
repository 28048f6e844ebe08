"""The ROC and the PR curve as points, few enough to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from models.evaluation.cases import Arrays

POINTS = 400  # a picture 400 pixels wide shows no more

Curve = tuple[tuple[float, float], ...]


def roc(cases: Arrays) -> Curve:
    """(1 - specificity, sensitivity) from (0, 0) to (1, 1); empty where a class is missing."""
    if not cases.malignant or not cases.benign:
        return ()
    false_alarms, sensitivity, _ = roc_curve(cases.labels, cases.probabilities)
    return _thinned(false_alarms, sensitivity)


def pr(cases: Arrays) -> Curve:
    """(sensitivity, positive predictive value), sensitivity falling from 1 to 0; empty where a class is missing."""
    if not cases.malignant or not cases.benign:
        return ()
    predictive, sensitivity, _ = precision_recall_curve(cases.labels, cases.probabilities)
    return _thinned(sensitivity, predictive)


def _thinned(x: NDArray[Any], y: NDArray[Any]) -> Curve:
    """Both ends stay. Taken at even steps of the list, so that no point is made up."""
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).round().astype(np.int64))
    return tuple((float(a), float(b)) for a, b in zip(x[kept], y[kept], strict=True))
