"""Numbers of a model version: thresholds from one part, promises checked on the other."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from models.intervals import wilson
from models.training.measure import default_point, metrics, operating_points

Part = tuple[NDArray[np.int64], NDArray[np.float64]]


def part(malignant: int, benign: int, seed: int) -> Part:
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], [malignant, benign])
    return labels, np.round(1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1))), 6)


def test_metrics_by_hand() -> None:
    labels = np.array([1, 0, 1, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.5, 0.4, 0.1])
    found = metrics(labels, probabilities, ["a", "b", "a", "c", "d"])
    intervals = found.pop("intervals")
    assert found == {
        "images": 5,
        "malignant": 2,
        "groups": 4,
        "roc_auc": 0.833333,  # 5 of 6 pairs in order
        "pr_auc": 0.833333,  # (1/1 + 2/3) / 2
        "accuracy_at_0.5": 0.8,
        "f1_at_0.5": 0.8,  # 2 * 2 / (2 * 2 + 1 + 0)
        "ece": 0.38,  # each in a bin of its own: (0.1 + 0.8 + 0.5 + 0.4 + 0.1) / 5
        "brier": 0.214,  # (0.01 + 0.64 + 0.25 + 0.16 + 0.01) / 5
    }
    assert intervals.keys() == found.keys() - {"images", "malignant", "groups"}
    low, high = intervals["brier"]
    assert low < found["brier"] < high


def test_chosen_on_the_calibration_part_and_reported_on_both() -> None:
    calibration, test = part(200, 300, 1), part(150, 250, 2)
    points = operating_points(calibration, {"test": test})
    assert list(points) == ["f1", "sensitivity-90", "sensitivity-95", "sensitivity-98"]
    for name, point in points.items():
        assert point["threshold"] in calibration[1], name
        assert point["chosen_on"] == "calibration part of the split"
        for of, (labels, probabilities) in {"calibration": calibration, "test": test}.items():
            said = point["expected"][of]
            flagged = probabilities >= point["threshold"]
            hits, spared = int(flagged[labels == 1].sum()), int((~flagged)[labels == 0].sum())
            malignant, benign = int(labels.sum()), int((labels == 0).sum())
            assert said["images"] == len(labels)
            assert said["sensitivity"] == pytest.approx(hits / malignant, abs=1e-6)
            assert said["specificity"] == pytest.approx(spared / benign, abs=1e-6)
            assert said["sensitivity_interval"] == pytest.approx(wilson(hits, malignant), abs=1e-6)
            assert said["specificity_interval"] == pytest.approx(wilson(spared, benign), abs=1e-6)
    assert [points[name]["chosen_for"] for name in points] == [
        "best F1",
        "sensitivity >= 90%, lower 95 % bound",
        "sensitivity >= 95%, lower 95 % bound",
        "sensitivity >= 98%, lower 95 % bound",
    ]
    # it is kept as JSON, which knows no tuple and no numpy number
    assert json.loads(json.dumps(points)) == points


def test_the_test_part_has_no_say_in_a_threshold() -> None:
    calibration = part(200, 300, 1)
    one, other = (
        operating_points(calibration, {"test": part(malignant, benign, seed)})
        for malignant, benign, seed in ((20, 20, 2), (90, 10, 3))
    )
    assert {name: point["threshold"] for name, point in one.items()} == {
        name: point["threshold"] for name, point in other.items()
    }


def test_what_the_calibration_part_is_too_small_for_is_left_out() -> None:
    test = part(200, 200, 2)
    assert list(operating_points(part(100, 50, 1), {"test": test})) == ["f1", "sensitivity-90", "sensitivity-95"]
    assert list(operating_points(part(10, 50, 1), {"test": test})) == ["f1"]


@pytest.mark.parametrize(
    ("malignant", "judges"),
    [(34, "f1"), (35, "sensitivity-90"), (72, "sensitivity-90"), (73, "sensitivity-95"), (189, "sensitivity-95")],
)
def test_what_promises_a_sensitivity_judges_before_what_promises_none(malignant: int, judges: str) -> None:
    """With 60 malignant images f1 would miss a fifth of them, and sensitivity-90 is there."""
    assert default_point(operating_points(part(malignant, 200, 1), {})) == judges
