"""Metrics of a part of the data, and the operating points chosen on another part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageFault
from models.evaluation.cases import Case
from models.evaluation.measurement import measure
from models.operating_point import JUDGES, SENSITIVITIES, choose, performance
from models.rounding import DECIMALS

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def metrics(labels: Labels, probabilities: Probabilities, groups: Sequence[str]) -> dict[str, Any]:
    """Metrics of one part, as `screen model evaluate` finds them, with 95 % intervals (bootstrap over groups).

    labels: (n,) 0/1, both there; probabilities: (n,) 0..1, as they are stored; groups: n names.
    """
    rows = zip(labels.tolist(), probabilities.tolist(), groups, strict=True)
    found = measure([Case(label, probability, group) for label, probability, group in rows], (), ())
    estimates = {
        "roc_auc": found.roc_auc,
        "pr_auc": found.pr_auc,
        "accuracy_at_0.5": found.half.accuracy,
        "f1_at_0.5": found.half.f1,
        "ece": found.calibration.ece,
        "brier": found.calibration.brier,
    }
    shown = {name: estimate.as_json() for name, estimate in estimates.items()}
    return {
        "images": found.images,
        "malignant": found.malignant,
        "groups": found.groups,
        **{name: item["value"] for name, item in shown.items()},
        "intervals": {name: item["interval"] for name, item in shown.items()},
    }


def operating_points(
    calibration: tuple[Labels, Probabilities], others: Mapping[str, tuple[Labels, Probabilities]]
) -> dict[str, dict[str, Any]]:
    """Every named operating point: chosen on the calibration part, reported on that and on the others by their names.

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
                part: _rounded(asdict(performance(*scores, threshold, part)))
                for part, scores in ({"calibration": calibration} | dict(others)).items()
            },
        }
    return points


def default_point(points: Collection[str]) -> str:
    """Which of the operating points that could be chosen judges; `f1` always can be."""
    return next(name for name in JUDGES if name in points)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items() if key != "part"}
    if isinstance(value, tuple | list):
        return [_rounded(item) for item in value]
    return round(value, DECIMALS) if isinstance(value, float) else value
