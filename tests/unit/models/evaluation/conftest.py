"""Cases with known numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.evaluation.cases import Case


@pytest.fixture
def five() -> list[Case]:
    """Two malignant, three benign; at 0.5: both found, one false alarm."""
    pairs = [(1, 0.9), (0, 0.8), (1, 0.5), (0, 0.4), (0, 0.1)]
    return [Case(label, probability, f"g{number}") for number, (label, probability) in enumerate(pairs)]


@pytest.fixture
def drawn() -> Callable[..., list[Case]]:
    """``drawn(400, seed=1, copies=1)``: overlapping classes with ties; each image ``copies`` times in one group."""

    def make(count: int, seed: int = 1, copies: int = 1) -> list[Case]:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 2, count)
        # two decimals: many images share a probability
        probabilities = np.round(1 / (1 + np.exp(-rng.normal(2 * labels - 1, 1.2))), 2)
        return [
            Case(int(label), float(probability), f"g{number}")
            for number, (label, probability) in enumerate(zip(labels, probabilities, strict=True))
            for _ in range(copies)
        ]

    return make
