"""Bootstrap 95 % intervals over groups.

Pictures of one patient or copies of one picture are not independent: whole groups are drawn with replacement, and
an image counts as often as its group was drawn (the cluster bootstrap; Efron and Tibshirani, An Introduction to
the Bootstrap, 1993; Field and Welsh, J. R. Statist. Soc. B 69, 2007).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.evaluation.estimate import Estimate, Interval
from models.intervals import wilson

RESAMPLES = 1_000
SEED = 7
METHOD = "95 % percentile bootstrap over groups, of the ECE the basic bootstrap; Wilson's where a proportion is 0 or 1"
BLOCK_WEIGHTS = 2_000_000  # 16 MB an array, however many images there are
DEFINED_SHARE = 0.95  # a number that fewer resamples define (one class missing, an empty bin) gets no interval

Weights = NDArray[np.float64]
Draws = NDArray[np.float64]


def resample(
    groups: NDArray[np.int64],
    statistics: Callable[[Weights], Mapping[str, NDArray[np.float64]]],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Draws]:
    """What statistics come to on resamples.

    Args:
        groups: (n,), the number of each image's group, 0 to g - 1.
        statistics: takes how often each image was drawn, (r, n), and returns arrays whose first axis is r, by
            name; NaN where a resample does not define one.

    Returns: the same names; first axis ``resamples``.
    """
    count = int(groups.max()) + 1
    rng = np.random.default_rng(seed)
    step = max(1, BLOCK_WEIGHTS // max(len(groups), count))
    blocks = []
    for first in range(0, resamples, step):
        rows = min(step, resamples - first)
        drawn = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        blocks.append(statistics(times[:, groups].astype(np.float64)))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def percentile_interval(draws: Draws) -> Interval | None:
    """The 2.5th and 97.5th percentile of (resamples,) draws.

    None where too few resamples define the number, or where all of them give the same one: that is not
    certainty but too few images.
    """
    defined = draws[np.isfinite(draws)]
    if len(defined) < DEFINED_SHARE * len(draws) or len(defined) == 0:
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return None if low == high else (float(low), float(high))


def basic_interval(value: float, draws: Draws) -> Interval | None:
    """The basic (reverse percentile) interval of a number 0..1 from (resamples,) draws; None as of the percentiles.

    For a number that noise can only lift, as a sum of distances: a resample has the noise of the images and its own, so
    all draws lie too high, and percentiles of them may not even hold the value. How far they lie above it is how far it
    may lie above the truth: the interval is 2 value - percentile (Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, 5.2), cut off at 0 and 1. Where even the lowest draws lie above the value, it would end below it;
    then it ends at the value.

    On 400 simulated sets of 1,177 images whose true ECE is 0.02 to 0.13 it holds the truth in 86 to 94 %, the
    percentile interval in none up to 95 %, fewer the smaller the ECE. Below that it still promises too much: of an ECE
    of exactly 0 it holds the truth in 37 %, the percentile interval never.
    """
    found = percentile_interval(draws)
    if found is None:
        return None
    low, high = found
    ends = max(0.0, min(value, 2 * value - high)), min(1.0, max(value, 2 * value - low))
    return None if ends[0] == ends[1] else ends  # of a value of 0 with draws above it: no certainty that it is 0


def estimated(value: float | None, draws: Draws) -> Estimate:
    """A value with the interval of its resamples; a value that is not defined has none."""
    return Estimate(value, None if value is None else percentile_interval(draws))


def rated(value: float | None, draws: Draws, groups: int) -> Estimate:
    """The same of a proportion of so many groups; at 0 or 1, where no resample varies, the interval is Wilson's."""
    if value in (0.0, 1.0):
        return Estimate(value, wilson(groups if value else 0, groups))
    return estimated(value, draws)
