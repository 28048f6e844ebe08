"""Are probabilities what they say? Of the lesions given 0.8, are 80 % malignant?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """Expected calibration error, Brier score and the reliability curve behind them."""

    ece: Estimate
    brier: Estimate
    bins: tuple[Bin, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "ece": self.ece.as_json(),
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
