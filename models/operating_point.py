"""Operating points: a threshold, the sensitivity it was chosen for, and the data it was chosen on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import UsageFault
from models.intervals import wilson
from models.rounding import decimal

SENSITIVITIES = {"sensitivity-90": 0.90, "sensitivity-95": 0.95, "sensitivity-98": 0.98}

JUDGES = ("sensitivity-95", "sensitivity-90", "f1")
"""Operating points by how gladly a version judges by them: `f1`, which may miss any number of melanomas, last of all.
With sensitivity-95 missing sensitivity-98 is too: it needs more malignant images."""


def fewest(wanted: float) -> int:
    """The fewest malignant images that can promise a sensitivity (0..1, below 1): were all of them flagged."""
    return next(count for count in itertools.count(1) if wilson(count, count)[0] >= wanted)


@dataclass(frozen=True)
class Performance:
    """What a threshold does on one part of the data. All rates 0..1, intervals 95 %."""

    part: str
    images: int
    sensitivity: float
    sensitivity_interval: tuple[float, float]
    specificity: float
    specificity_interval: tuple[float, float]


def choose(labels: NDArray[np.int64], probabilities: NDArray[np.float64], name: str) -> float:
    """The threshold of a named operating point, 0..1; an image is flagged at or above it.

    ``sensitivity-NN``: the highest threshold whose sensitivity holds NN % by the lower bound of its 95 %
    interval, not only on this sample. ``f1``: the threshold with the best F1.

    labels: (n,) 0/1; probabilities: (n,), rounded as they are stored (models.rounding).
    Raises UsageFault when no threshold can promise the sensitivity.
    """
    candidates = np.unique(probabilities)[::-1]
    positives = int(labels.sum())
    ordered = np.sort(probabilities[labels == 1])
    caught = positives - np.searchsorted(ordered, candidates, side="left")
    if name == "f1":
        everything = np.sort(probabilities)
        flagged = len(probabilities) - np.searchsorted(everything, candidates, side="left")
        return decimal(float(candidates[int(np.argmax(2 * caught / (flagged + positives)))]))
    wanted = SENSITIVITIES[name]
    for threshold, hits in zip(candidates, caught, strict=True):
        if wilson(int(hits), positives)[0] >= wanted:
            return decimal(float(threshold))
    raise UsageFault(f"{positives} malignant images are too few to promise a sensitivity of {wanted:.0%}")


def performance(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], threshold: float, part: str
) -> Performance:
    """Sensitivity and specificity of a threshold, with 95 % intervals. labels: (n,) 0/1; probabilities: (n,)."""
    flagged = probabilities >= threshold
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    hits, spared = int(flagged[labels == 1].sum()), int((~flagged[labels == 0]).sum())
    return Performance(
        part=part,
        images=len(labels),
        sensitivity=hits / max(positives, 1),
        sensitivity_interval=wilson(hits, positives),
        specificity=spared / max(negatives, 1),
        specificity_interval=wilson(spared, negatives),
    )
