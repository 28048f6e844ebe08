"""Calibration error of predictions whose error is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.calibration import BINS, bin_numbers, ece_if_calibrated, expected_calibration_error
from models.evaluation.cases import Case
from models.evaluation.evaluation import evaluate
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


def test_what_chance_alone_gives() -> None:
    # of 900 images given 0.5 the malignant share lies off by sqrt(2 / pi) standard errors of 0.5 / 30 on average
    found = ece_if_calibrated(np.full(900, 0.5))
    assert found.value == pytest.approx(np.sqrt(2 / np.pi) / 60, rel=0.1)
    assert found.interval == pytest.approx((0.03 / 60, 2.24 / 60), abs=0.003)  # percentiles of |z|


def test_exact_and_overconfident_probabilities() -> None:
    rng = np.random.default_rng(3)
    exact = rng.random(2_000)
    labels = (rng.random(2_000) < exact).astype(np.int64)
    for probabilities, within in ((exact, True), (np.clip(1.4 * exact - 0.2, 0, 1), False)):
        interval = ece_if_calibrated(probabilities).interval
        assert interval is not None
        assert (expected_calibration_error(labels, probabilities) <= interval[1]) == within


def test_a_measurement_tells_both() -> None:
    cases = [Case(int(n % 2), 0.5, f"g{n // 2}") for n in range(40)]
    calibration = measure(cases, [("t", 0.5)], [0.05]).calibration
    assert calibration.ece.value == 0
    assert calibration.ece_if_calibrated == ece_if_calibrated(np.full(40, 0.5))
    assert calibration.as_json()["ece_if_calibrated"] == calibration.ece_if_calibrated.as_json()


def test_what_chance_gives_is_drawn_only_where_it_is_shown() -> None:
    """Training, and what a terminal says of subgroups, show it nowhere; a thousand drawings of each took their time."""
    cases = [Case(int(n % 2), 0.5, f"g{n}", subgroup="arm" if n < 8 else "leg") for n in range(20)]
    found = evaluate(cases, [("t", 0.5)], [0.05], has_split=False)
    every = [found.everything, *found.subgroups.values()]
    assert not any("ece_if_calibrated" in vars(item.calibration) for item in every)
    shown = found.as_json()
    assert shown["subgroups"]["arm"]["calibration"]["ece_if_calibrated"] == ece_if_calibrated(np.full(8, 0.5)).as_json()
    assert all("ece_if_calibrated" in vars(item.calibration) for item in every)
