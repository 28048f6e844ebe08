"""The last layer of every network: one unit for malignant, or one for each of several classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.networks.backend import import_keras


def head(units: int, **options: Any) -> Any:
    """A dense layer whose outputs are probabilities.

    units: 1 gives a sigmoid, the probability of malignant; more give a softmax over as many classes. options: of the
    layer. `models.answers` says what the outputs mean.
    """
    dense = import_keras().layers.Dense
    if units == 1:
        return dense(1, activation="sigmoid", name="malignant", **options)
    return dense(units, activation="softmax", name="classes", **options)


def folded(both: NDArray[np.float32], malignant: int) -> NDArray[np.float32]:
    """Weights of a softmax over two units -> those of the sigmoid that says what the unit ``malignant`` (0, 1) said.

    both: kernel or bias, (..., 2), finite. Returns (..., 1), infinite where the two lie too far apart.

    e^m / (e^b + e^m) = 1 / (1 + e^-(m - b)), and the difference of the units has the difference of their weights.
    """
    with np.errstate(over="ignore"):
        one: NDArray[np.float32] = both[..., [malignant]] - both[..., [1 - malignant]]
    return one
