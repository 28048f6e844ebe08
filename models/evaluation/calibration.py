"""Are probabilities what they say? Of the lesions given 0.8, are 80 % malignant?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.bootstrap import RESAMPLES, SEED, percentile_interval
from models.evaluation.estimate import Estimate
from models.rounding import DECIMALS

BINS = 15


@dataclass(frozen=True)
class Bin:
    """One point of the reliability curve: images with a probability in [low, high), the last one also at 1."""

    low: float
    high: float
    images: int
    mean_probability: float | None  # None for an empty bin
    malignant_share: Estimate

    def as_json(self) -> dict[str, Any]:
        mean = self.mean_probability
        return {
            "low": round(self.low, DECIMALS),
            "high": round(self.high, DECIMALS),
            "images": self.images,
            "mean_probability": None if mean is None else round(mean, DECIMALS),
            "malignant_share": self.malignant_share.as_json(),
        }


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error, Brier score and the reliability curve behind them. probabilities: (n,), 0..1."""

    ece: Estimate
    brier: Estimate
    bins: tuple[Bin, ...]
    probabilities: NDArray[np.float64] = field(repr=False, compare=False)

    @cached_property
    def ece_if_calibrated(self) -> Estimate:
        """What the same images would show if their probabilities were exact: see the function of this name.

        Drawn when somebody looks: training, and a page about subgroups, show it of none of theirs.
        """
        return ece_if_calibrated(self.probabilities)

    def as_json(self) -> dict[str, Any]:
        return {
            "ece": self.ece.as_json(),
            "ece_if_calibrated": self.ece_if_calibrated.as_json(),
            "brier": self.brier.as_json(),
            "bins": [item.as_json() for item in self.bins],
        }


def bin_numbers(probabilities: NDArray[np.float64], bins: int = BINS) -> NDArray[np.int64]:
    """The bin of each probability, 0 to bins - 1, all equally wide. probabilities: (n,), 0..1."""
    return np.minimum((probabilities * bins).astype(np.int64), bins - 1)


def expected_calibration_error(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], bins: int = BINS
) -> float:
    """Mean distance of mean probability and malignant share over equally wide bins, weighted by images; 0..1.

    Source: Naeini, Cooper and Hauskrecht, AAAI 2015; with 15 bins as in Guo et al., On Calibration of Modern
    Neural Networks, ICML 2017, here for the probability of malignant. Noise alone lifts it above 0: small sets
    look worse calibrated than they are.
    """
    numbers = bin_numbers(probabilities, bins)
    difference = np.bincount(numbers, probabilities - labels, minlength=bins)
    return float(np.abs(difference).sum() / len(labels))


def ece_if_calibrated(probabilities: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """What expected calibration error chance alone gives to these probabilities, if each of them is exact.

    Labels are drawn as the probabilities say, and their error measured: its mean, and the range of 95 % of the draws.
    An error within the range is no sign of bad calibration; one above it is. Each image is drawn by itself: lesions of
    one patient differ, given their probabilities, and drawn together would pass for less evidence than they are; where
    many are copies of others, chance reaches a little further than this says.
    Source: consistency resampling (Broecker and Smith, Weather and Forecasting 22, 2007).

    probabilities: (n,), 0..1.
    """
    rng = np.random.default_rng(seed)
    drawn = (rng.random(len(probabilities)) < probabilities for _ in range(resamples))
    errors = np.array([expected_calibration_error(labels.astype(np.int64), probabilities) for labels in drawn])
    return Estimate(float(errors.mean()), percentile_interval(errors))
