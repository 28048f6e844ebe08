"""Resamples of whole groups: seeded, in blocks, and honest about what they cannot tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation import bootstrap
from models.evaluation.bootstrap import basic_interval, percentile_interval, resample
from models.evaluation.cases import Case
from models.evaluation.estimate import Interval
from models.evaluation.measurement import measure


def drawn_weights(groups: list[int], resamples: int = 50) -> np.ndarray:
    return resample(np.array(groups), lambda weights: {"weights": weights}, resamples=resamples)["weights"]


def test_a_group_is_drawn_whole() -> None:
    weights = drawn_weights([0, 1, 1, 2, 0])
    assert (weights[:, 0] == weights[:, 4]).all()
    assert (weights[:, 1] == weights[:, 2]).all()
    # as many groups as there are
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_the_same_at_every_run_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn_weights([0, 1, 2, 3, 4])
    monkeypatch.setattr(bootstrap, "BLOCK_WEIGHTS", 35)
    assert (drawn_weights([0, 1, 2, 3, 4]) == whole).all()


def test_the_mean_of_a_sample_has_its_standard_error() -> None:
    values = np.random.default_rng(2).normal(0, 1, 400)
    draws = resample(np.arange(400), lambda weights: {"mean": weights @ values / weights.sum(axis=1)})["mean"]
    interval = percentile_interval(draws)
    assert interval is not None
    assert interval[1] - interval[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_copies_of_an_image_make_no_measurement_surer(drawn: Callable[..., list[Case]]) -> None:
    once, fourfold = drawn(150), drawn(150, copies=4)
    as_if_alone = [Case(case.label, case.probability, f"{case.group} {number}") for number, case in enumerate(fourfold)]

    def width(cases: list[Case]) -> float:
        found = measure(cases, [("t", 0.5)], [0.05]).roc_auc.interval
        assert found is not None
        return found[1] - found[0]

    # by groups as wide as with each image once; by images half of that, which is false
    assert width(fourfold) == pytest.approx(width(once), rel=1e-6)
    assert width(fourfold) > 1.6 * width(as_if_alone)


@pytest.mark.parametrize(
    ("draws", "interval"),
    [
        (np.arange(1001) / 1000, (0.025, 0.975)),
        (np.array([0.5] * 100), None),  # no resample varies: too few images, not certainty
        (np.array([np.nan] * 6 + [0.1, 0.2] * 47), None),  # 94 % defined
        (np.array([np.nan] * 100), None),
    ],
)
def test_interval(draws: np.ndarray, interval: Interval | None) -> None:
    found = percentile_interval(draws)
    assert found == (None if interval is None else pytest.approx(interval))


@pytest.mark.parametrize(
    ("value", "draws", "interval"),
    [
        (0.5, np.arange(1001) / 1000, (0.025, 0.975)),  # of draws to either side the same as the percentiles
        (0.25, 0.3 + np.arange(1001) / 5000, (0.005, 0.25)),  # all of them lie above it: 2 x 0.25 - 0.495, and it
        (0.1, 0.05 + np.arange(1001) / 5000, (0.0, 0.145)),  # nothing below 0
        (0.9, 0.75 + np.arange(1001) / 5000, (0.855, 1.0)),  # nor above 1
        (0.5, np.array([0.5] * 100), None),
        (0.0, np.arange(1001) / 5000, None),  # a sum of distances that is 0 by chance is not surely 0
    ],
)
def test_the_basic_interval_turns_the_draws_round_the_value(
    value: float, draws: np.ndarray, interval: Interval | None
) -> None:
    assert basic_interval(value, draws) == (None if interval is None else pytest.approx(interval))


def test_the_interval_of_a_small_calibration_error_is_not_that_of_its_noise() -> None:
    """300 images of a network that says 0.96 of lesions of which 92 % are malignant, and so on: true ECE 0.04."""
    says = np.repeat([0.04, 0.24, 0.5, 0.76, 0.96], 60)
    is_so = np.repeat([0.08, 0.28, 0.5, 0.72, 0.92], 60)
    true = float(np.abs(says - is_so).mean())
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(20):
        drawn = (rng.random(len(says)) < is_so).astype(int)
        cases = [
            Case(int(label), float(said), f"g{n}") for n, (label, said) in enumerate(zip(drawn, says, strict=True))
        ]
        ece = measure(cases, [("t", 0.5)], []).calibration.ece
        assert ece.value is not None and ece.interval is not None
        assert ece.interval[0] <= ece.value <= ece.interval[1]
        held += ece.interval[0] <= true <= ece.interval[1]
    assert held >= 16
