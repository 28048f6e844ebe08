"""Calibration error of predictions whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.calibration import BINS, bin_numbers, expected_calibration_error
from models.evaluation.cases import Case
from models.evaluation.measurement import measure


def test_perfectly_calibrated() -> None:
    # of 10 images given 0.n, n are malignant
    probabilities = np.repeat(np.arange(1, 10) / 10, 10)
    labels = np.concatenate([np.arange(10) < n for n in range(1, 10)]).astype(np.int64)
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("said", "share"), [(0.5, 0.5), (0.9, 0.2), (0.0, 1.0), (1.0, 0.0)])
def test_constant(said: float, share: float) -> None:
    labels = (np.arange(100) < 100 * share).astype(np.int64)
    assert expected_calibration_error(labels, np.full(100, said)) == pytest.approx(abs(said - share))


def test_bins_weigh_by_their_images() -> None:
    # three images off by 0.1 in one bin, one off by 0.5 in another
    labels, probabilities = np.array([0, 0, 0, 1]), np.array([0.1, 0.1, 0.1, 0.5])
    assert expected_calibration_error(labels, probabilities) == pytest.approx((3 * 0.1 + 0.5) / 4)


def test_errors_within_a_bin_cancel_out() -> None:
    labels, probabilities = np.array([0, 1]), np.array([0.5, 0.5])
    assert expected_calibration_error(labels, probabilities) == pytest.approx(0)


def test_bins() -> None:
    assert BINS == 15
    assert bin_numbers(np.array([0.0, 0.066, 0.067, 0.5, 0.999, 1.0])).tolist() == [0, 0, 1, 7, 14, 14]


def test_the_reliability_curve() -> None:
    cases = [Case(int(n < 3), 0.5, f"g{n}") for n in range(12)] + [Case(1, 1.0, "last")]
    calibration = measure(cases, [("t", 0.5)], [0.05]).calibration
    filled = {number: item for number, item in enumerate(calibration.bins) if item.images}
    assert len(calibration.bins) == BINS
    assert list(filled) == [7, 14]
    assert (filled[7].images, filled[7].mean_probability, filled[7].malignant_share.value) == (12, 0.5, 0.25)
    assert filled[7].low < 0.5 < filled[7].high
    # one malignant image of one does not make 100 % certain
    assert filled[14].malignant_share.value == 1
    assert filled[14].malignant_share.interval is not None
    assert filled[14].malignant_share.interval[0] < 0.3
    assert calibration.bins[0].mean_probability is None
    assert calibration.ece.value == pytest.approx(12 / 13 * 0.25)
