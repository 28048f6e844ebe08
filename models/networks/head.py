"""The last layer of every network: one unit for malignant, or one for each of several classes."""

from __future__ import annotations

from typing import Any

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
