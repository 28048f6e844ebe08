"""From what a network puts out to the probability of malignant: the one place that knows how.

Binary: the one unit is the probability of malignant, calibrated. Several classes: the softmax is calibrated as a whole
(models.calibration), and the probability of malignant is the sum over the classes that count as malignant. The classes
exclude one another, so the sum is the probability that one of them is it; thresholds and policies judge it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration
from models.classes import Classes
from models.distribution import Strange
from models.quality import beyond_judging
from models.rounding import decimal

ClassProbabilities = dict[str, float]
"""The probability of each class, 0..1, six decimals, in the order of the network's outputs."""


@dataclass(frozen=True)
class Answers:
    """What a network says of n pictures, calibrated."""

    malignant: NDArray[np.float64]  # (n,), 0..1
    of_classes: NDArray[np.float64] | None = None  # (n, classes), rows sum to 1; None: binary
    names: tuple[str, ...] = ()
    strange: tuple[Strange | None, ...] | None = None  # (n,): of pictures not to be judged; None: nobody looked

    def reasons(self, ungradable: Sequence[str | None]) -> list[str | None]:
        """Why each picture cannot be relied on, or None.

        ungradable: (n,), what `models.quality` says of them. What that says comes first; only a poor picture (blurred,
        a part is missing) that is stranger than blur makes a lesion is told as strange, and so is never flagged.
        """
        strange = self.strange or (None,) * len(self.malignant)
        return [_reason(*both) for both in zip(ungradable, strange, strict=True)]

    def by_class(self) -> list[ClassProbabilities | None]:
        """One item a picture; None where the network is binary."""
        if self.of_classes is None:
            return [None] * len(self.malignant)
        return [dict(zip(self.names, map(decimal, row), strict=True)) for row in self.of_classes]


def _reason(ungradable: str | None, strange: Strange | None) -> str | None:
    if strange is None or (ungradable and (beyond_judging(ungradable) or not strange.far)):
        return ungradable
    return strange.reason


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
