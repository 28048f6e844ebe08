"""Point values: by hand, and None where they are not defined."""

from __future__ import annotations

import pytest

from models.evaluation import metrics
from models.evaluation.cases import Case, arrays
from models.evaluation.metrics import Confusion


def test_by_hand(five: list[Case]) -> None:
    data = arrays(five)
    assert metrics.confusion(data, 0.5) == Confusion(hits=2, misses=0, alarms=1, spared=2)
    assert metrics.accuracy(data, 0.5) == pytest.approx(4 / 5)
    assert metrics.f1(data, 0.5) == pytest.approx(2 * 2 / (2 * 2 + 1))
    assert metrics.roc_auc(data) == pytest.approx(5 / 6)  # of 6 pairs one is the wrong way round
    assert metrics.pr_auc(data) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics.brier(data) == pytest.approx((0.01 + 0.64 + 0.25 + 0.16 + 0.01) / 5)


def test_flagged_at_the_threshold_itself(five: list[Case]) -> None:
    assert metrics.confusion(arrays(five), 0.9) == Confusion(hits=1, misses=1, alarms=0, spared=3)
    assert metrics.confusion(arrays(five), 0.900001).flagged == 0


def test_rates() -> None:
    counted = Confusion(hits=3, misses=1, alarms=2, spared=6)
    assert (counted.images, counted.malignant, counted.benign, counted.flagged) == (12, 4, 8, 5)
    assert (counted.sensitivity, counted.specificity, counted.ppv) == (0.75, 0.75, 0.6)
    assert counted.npv == pytest.approx(6 / 7)
    nothing = Confusion(0, 0, 0, 0)
    assert (nothing.sensitivity, nothing.specificity, nothing.ppv, nothing.npv) == (None, None, None, None)


def test_one_class_alone_defines_no_area() -> None:
    benign = arrays([Case(0, 0.2, "a"), Case(0, 0.7, "b")])
    assert metrics.roc_auc(benign) is None
    assert metrics.pr_auc(benign) is None
    assert metrics.f1(benign, 0.9) is None
    assert metrics.f1(benign, 0.5) == 0
    assert metrics.brier(benign) == pytest.approx((0.04 + 0.49) / 2)
    assert metrics.confusion(benign, 0.5) == Confusion(hits=0, misses=0, alarms=1, spared=1)


def test_the_order_of_the_images_plays_no_part(five: list[Case]) -> None:
    forward, backward = arrays(five), arrays(five[::-1])
    for name in ("labels", "probabilities", "groups"):
        assert getattr(forward, name).tolist() == getattr(backward, name).tolist()
