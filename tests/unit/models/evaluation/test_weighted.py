"""Every number of the bootstrap is scikit-learn's, weighted the same way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as sk

from models.evaluation.calibration import BINS, expected_calibration_error
from models.evaluation.cases import Case, arrays
from models.evaluation.weighted import Weighted

THRESHOLDS = [0.3, 0.5, 0.87]


@pytest.fixture
def weights() -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.vstack([np.ones(300), rng.integers(0, 4, (4, 300))]).astype(np.float64)


def test_as_scikit_learn_says(drawn: Callable[..., list[Case]], weights: np.ndarray) -> None:
    data = arrays(drawn(300))
    found = Weighted(data, THRESHOLDS, [0.05], BINS)(weights)
    y, p = data.labels, data.probabilities
    for row, weight in enumerate(weights):
        assert found["roc_auc"][row] == pytest.approx(sk.roc_auc_score(y, p, sample_weight=weight))
        assert found["pr_auc"][row] == pytest.approx(sk.average_precision_score(y, p, sample_weight=weight))
        assert found["brier"][row] == pytest.approx(sk.brier_score_loss(y, p, sample_weight=weight))
        for label, name in enumerate(("mean_benign", "mean_malignant")):
            of_label = y == label
            assert found[name][row] == pytest.approx(np.average(p[of_label], weights=weight[of_label]))
        for number, threshold in enumerate(THRESHOLDS):
            flagged = (p >= threshold).astype(int)
            for name, expected in {
                "sensitivity": sk.recall_score(y, flagged, sample_weight=weight),
                "specificity": sk.recall_score(y, flagged, pos_label=0, sample_weight=weight),
                "accuracy": sk.accuracy_score(y, flagged, sample_weight=weight),
                "f1": sk.f1_score(y, flagged, sample_weight=weight),
                "ppv": sk.precision_score(y, flagged, sample_weight=weight),
                "npv": sk.precision_score(y, flagged, pos_label=0, sample_weight=weight),
                "flagged": np.average(flagged, weights=weight),
            }.items():
                assert found[name][row, number] == pytest.approx(expected), name


def test_a_weight_is_so_many_copies(drawn: Callable[..., list[Case]], weights: np.ndarray) -> None:
    data = arrays(drawn(300))
    found = Weighted(data, THRESHOLDS, [0.05], BINS)(weights)
    for row, weight in enumerate(weights.astype(int)):
        copied = np.repeat(data.labels, weight), np.repeat(data.probabilities, weight)
        assert found["ece"][row] == pytest.approx(expected_calibration_error(*copied))


def test_predictive_values_follow_from_the_rates(drawn: Callable[..., list[Case]], weights: np.ndarray) -> None:
    found = Weighted(arrays(drawn(300)), THRESHOLDS, [0.02, 0.05], BINS)(weights)
    sensitivity, specificity = found["sensitivity"][2, 1], found["specificity"][2, 1]
    assert found["ppv_at"].shape == found["npv_at"].shape == (5, 3, 2)
    assert found["ppv_at"][2, 1, 1] == pytest.approx(
        sensitivity * 0.05 / (sensitivity * 0.05 + (1 - specificity) * 0.95)
    )
    assert found["npv_at"][2, 1, 0] == pytest.approx(
        specificity * 0.98 / (specificity * 0.98 + (1 - sensitivity) * 0.02)
    )


def test_a_missing_class_is_not_a_number(five: list[Case]) -> None:
    only_benign = np.array([[0.0, 1.0, 0.0, 2.0, 1.0]])
    found = Weighted(arrays(five), [0.5], [0.05], BINS)(only_benign)
    assert np.isnan([found["roc_auc"][0], found["pr_auc"][0], found["sensitivity"][0, 0]]).all()
    assert found["specificity"][0, 0] == pytest.approx(3 / 4)
