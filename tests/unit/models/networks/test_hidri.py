"""Hidri's network has the published size and answers with probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.networks.hidri import build


def test_94273_parameters_at_128_pixels() -> None:
    network = build(128)
    assert network.count_params() == 94_273
    assert network.input_shape == (None, 128, 128, 3)
    assert network.output_shape == (None, 1)


@pytest.mark.parametrize("size", [8, 16, 17])
def test_one_probability_for_each_picture(size: int) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (5, size, size, 3)).astype(np.uint8)
    found = build(size).predict_on_batch(pictures)
    assert found.shape == (5, 1)
    assert ((found > 0) & (found < 1)).all()


def test_pictures_are_taken_in_0_to_255(tiny_network: Any, pictures: np.ndarray) -> None:
    """The network scales them itself, whatever their number type."""
    as_bytes = tiny_network.predict_on_batch(pictures)
    as_floats = tiny_network.predict_on_batch(pictures.astype(np.float32))
    assert as_bytes == pytest.approx(as_floats, abs=1e-6)
    first = tiny_network.get_layer("rescale")(pictures)
    assert 0 <= np.min(first) < np.max(first) <= 1


def test_layers_bear_fixed_names() -> None:
    """Weights are kept by the paths of variables: a second network of the process must have the same ones."""
    one, other = build(16), build(16)
    paths = [variable.path for variable in one.weights]
    assert paths == [variable.path for variable in other.weights]
    assert len(set(paths)) == 20
    assert paths[0] == "hidri/conv_1/kernel"
