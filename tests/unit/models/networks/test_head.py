"""A softmax over two is a sigmoid of their difference. TensorFlow is not needed for that."""

from __future__ import annotations

import numpy as np
import pytest

from models.networks.head import folded


@pytest.mark.parametrize("malignant", [0, 1])
def test_the_sigmoid_says_what_the_softmax_said(malignant: int) -> None:
    rng = np.random.default_rng(5)
    seen = rng.normal(0, 2, (20, 8)).astype(np.float32)
    kernel, bias = rng.normal(0, 1, (8, 2)).astype(np.float32), rng.normal(0, 1, 2).astype(np.float32)
    said = np.exp(seen @ kernel + bias)
    expected = said[:, malignant] / said.sum(axis=1)
    one_kernel, one_bias = folded(kernel, malignant), folded(bias, malignant)
    assert (one_kernel.shape, one_bias.shape) == ((8, 1), (1,))
    found = 1 / (1 + np.exp(-(seen @ one_kernel + one_bias)))
    assert found[:, 0] == pytest.approx(expected, abs=1e-6)
    assert np.ptp(expected) > 0.9


def test_what_float32_cannot_say_is_infinite() -> None:
    far = np.array([-3e38, 3e38], np.float32)
    assert np.isinf(folded(far, 1)).all()
