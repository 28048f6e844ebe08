"""Metrics of a part of the data, and the operating points chosen on another part."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from models.errors import UsageFault
from models.operating_point import SENSITIVITIES, choose, performance
from models.rounding import DECIMALS

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def metrics(labels: Labels, probabilities: Probabilities) -> dict[str, Any]:
    """Threshold-free metrics of one part. labels: (n,) 0/1; probabilities: (n,) 0..1, as they are stored."""
    return {
        "images": len(labels),
        "malignant": int(labels.sum()),
        "roc_auc": round(float(roc_auc_score(labels, probabilities)), DECIMALS),
        "pr_auc": round(float(average_precision_score(labels, probabilities)), DECIMALS),
        "accuracy_at_0.5": round(float(((probabilities >= 0.5) == labels).mean()), DECIMALS),
    }


def operating_points(
    calibration: tuple[Labels, Probabilities], test: tuple[Labels, Probabilities]
) -> dict[str, dict[str, Any]]:
    """Every named operating point: chosen on the calibration part, reported on the test part.

    A point that the calibration part is too small to promise is left out.
    """
    points: dict[str, dict[str, Any]] = {}
    for name in ("f1", *SENSITIVITIES):
        try:
            threshold = choose(*calibration, name)
        except UsageFault:
            continue
        points[name] = {
            "threshold": threshold,
            "chosen_for": "best F1" if name == "f1" else f"sensitivity >= {SENSITIVITIES[name]:.0%}, lower 95 % bound",
            "chosen_on": "calibration part of the split",
            "expected": {
                "calibration": _rounded(asdict(performance(*calibration, threshold, "calibration"))),
                "test": _rounded(asdict(performance(*test, threshold, "test"))),
            },
        }
    return points


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items() if key != "part"}
    if isinstance(value, tuple | list):
        return [_rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value
