"""Thompson's network has the described size and answers with probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from models.networks.thompson import build


def test_849617_parameters_at_224_pixels() -> None:
    network = build(224)
    assert network.count_params() == 849_617
    assert network.input_shape == (None, 224, 224, 3)
    assert network.output_shape == (None, 1)


def test_the_described_layers() -> None:
    network = build(224)
    convolutions = [layer for layer in network.layers if layer.name.startswith("conv_")]
    assert [layer.filters for layer in convolutions] == [16, 32, 48, 64]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert [layer.output.shape[1] for layer in network.layers if layer.name.startswith("pool_")] == [112, 56, 28, 14]
    assert network.get_layer("hidden").units == 64


@pytest.mark.parametrize("size", [16, 17, 40])
def test_one_probability_for_each_picture(size: int) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (5, size, size, 3)).astype(np.uint8)
    found = build(size).predict_on_batch(pictures)
    assert found.shape == (5, 1)
    assert ((found > 0) & (found < 1)).all()


def test_pictures_are_taken_in_0_to_255() -> None:
    """The network scales them itself, whatever their number type."""
    network = build(16)
    pictures = np.random.default_rng(2).integers(0, 256, (4, 16, 16, 3)).astype(np.uint8)
    assert network.predict_on_batch(pictures) == pytest.approx(
        network.predict_on_batch(pictures.astype(np.float32)), abs=1e-6
    )
    first = network.get_layer("rescale")(pictures)
    assert 0 <= np.min(first) < np.max(first) <= 1


def test_layers_bear_fixed_names() -> None:
    """Weights are kept by the paths of variables: a second network of the process must have the same ones."""
    one, other = build(16), build(16)
    paths = [variable.path for variable in one.weights]
    assert paths == [variable.path for variable in other.weights]
    assert len(set(paths)) == 12
    assert paths[0] == "thompson/conv_1/kernel"
