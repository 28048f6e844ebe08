"""From what a network puts out to the probability of malignant: the one place that knows how.

Binary: the one unit is the probability of malignant, calibrated. Several classes: the softmax is calibrated as a whole
(models.calibration), and the probability of malignant is the sum over the classes that count as malignant. The classes
exclude one another, so the sum is the probability that one of them is it; thresholds and policies judge it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration
from models.classes import Classes
from models.rounding import decimal

ClassProbabilities = dict[str, float]
"""The probability of each class, 0..1, six decimals, in the order of the network's outputs."""


@dataclass(frozen=True)
class Answers:
    """What a network says of n pictures, calibrated."""

    malignant: NDArray[np.float64]  # (n,), 0..1
    of_classes: NDArray[np.float64] | None = None  # (n, classes), rows sum to 1; None: binary
    names: tuple[str, ...] = ()
    strange: tuple[str | None, ...] | None = None  # (n,): why a picture is not judged; None: nobody looked

    def reasons(self) -> tuple[str | None, ...]:
        """Why each picture is out of the network's depth, or None."""
        return self.strange or (None,) * len(self.malignant)

    def by_class(self) -> list[ClassProbabilities | None]:
        """One item a picture; None where the network is binary."""
        if self.of_classes is None:
            return [None] * len(self.malignant)
        return [dict(zip(self.names, map(decimal, row), strict=True)) for row in self.of_classes]


def answers(outputs: Any, classes: Classes, calibration: Calibration) -> Answers:
    """Read the outputs of a network, (n, units), 0..1, before calibration; NaN stays NaN."""
    said = np.asarray(outputs, dtype=np.float64)
    if not classes.several:
        return Answers(calibration.apply(said.reshape(-1)))
    of_classes = calibration.apply_to_classes(said.reshape(-1, len(classes.names)))
    malignant = of_classes[:, classes.are_malignant].sum(axis=1)
    return Answers(np.minimum(malignant, 1.0), of_classes, classes.names)


def most_probable(probabilities: ClassProbabilities) -> str:
    """The name of the class with the highest probability; of equal ones the first."""
    return max(probabilities, key=lambda name: probabilities[name])
