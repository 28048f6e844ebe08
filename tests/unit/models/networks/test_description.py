"""What a file says of its network is compared with what is built, whichever way Keras writes it; no layer is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.classes import BINARY, Classes
from models.errors import UsageFault
from models.networks.architectures import build
from models.networks.backend import import_keras
from models.networks.description import expect_described, input_size
from models.networks.importing import Wanted, import_weights
from models.networks.loaded import load
from models.version import open_version

keras = import_keras()
layers = keras.layers
WANTED = Wanted("mine-1", "hidri", 16, "square-1", 0.43, "given by hand")
Steps = list[Any]


def hidri(**other: Any) -> Steps:
    """Hidri's layers, as somebody else writes them; ``other``: what is not as in ours."""
    steps = [other.get("first", layers.Rescaling(1 / 255))]
    for filters in (32, 64, 128):
        convolution = {"padding": "same", "activation": "relu"} | other.get("convolution", {})
        steps += [layers.Conv2D(filters, 3, **convolution), *other.get("between", list)()]
        steps += [layers.BatchNormalization(**other.get("norm", {})), *other.get("after", list)()]
        steps += [other.get("pool", layers.MaxPooling2D)()]
    steps += [other.get("average", layers.GlobalAveragePooling2D()), layers.Dropout(0.4)]
    return [*(step for step in steps if step), *other.get("last", [layers.Dense(1, activation="sigmoid")])]


def saved(steps: Steps, path: Path, side: int = 16) -> Any:
    """A network of these layers in a file, with drawn weights."""
    network = keras.Sequential([keras.Input((side, side, 3)), *steps])
    return drawn(network, path)


def drawn(network: Any, path: Path) -> Any:
    rng = np.random.default_rng(8)
    for variable in network.weights:
        numbers = (
            rng.uniform(0.5, 1.5, variable.shape) if "var" in variable.path else rng.normal(0, 0.3, variable.shape)
        )
        if "seed" not in variable.path:
            variable.assign(numbers.astype(np.float32))
    network.save(path)
    return network


@pytest.mark.parametrize("name", ["a.h5", "a.keras"])
@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"first": layers.Rescaling(1 / 127.5, offset=-1)}, r"rescaling\w*: scale: expected 0.0039\d* \(as rescale\)"),
        ({"convolution": {"activation": "tanh"}}, r"conv2d\w*: activation: expected relu \(as conv_1\), received tanh"),
        ({"convolution": {"padding": "valid"}}, r"conv2d\w*: padding: expected same \(as conv_1\), received valid"),
        ({"convolution": {"dilation_rate": 2}}, r"conv2d\w*: dilation_rate: expected \[1, 1\] .*, received \[2, 2\]"),
        ({"pool": lambda: layers.AveragePooling2D(2)}, r"expected MaxPooling2D .*, received AveragePooling2D"),
        ({"pool": lambda: layers.MaxPooling2D(2, strides=1)}, r"strides: expected \[2, 2\] .*, received \[1, 1\]"),
        (
            {"convolution": {"activation": None}, "after": lambda: [layers.ReLU()]},
            r"batch_norm\w*: expected Activation \(as conv_1\), received BatchNormalization",
        ),
        ({"norm": {"epsilon": 1e-5}}, r"batch_norm\w*: epsilon: expected 0.001 \(as norm_1\), received 1e-05"),
        ({"average": layers.GlobalMaxPooling2D()}, r"expected GlobalAveragePooling2D .*, received GlobalMaxPooling2D"),
        ({"last": [layers.Dense(1, activation="tanh")]}, r"activation: expected sigmoid .*, received tanh"),
        ({"first": layers.Resizing(8, 8)}, r"expected Conv2D \(as conv_1\), received Resizing"),
        ({"last": [layers.Dense(1, activation="sigmoid"), layers.UnitNormalization()]},
         r"expected nothing \(as its end\), received Unit"),
    ],
)  # fmt: skip
def test_another_network_of_the_same_weights_is_refused(
    other: dict[str, Any], words: str, name: str, tmp_path: Path
) -> None:
    saved(hidri(**other), tmp_path / name, side=32)
    with pytest.raises(UsageFault, match=f"^the file's network is no hidri: at .*{words}"):
        import_weights(tmp_path / name, WANTED, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def of_a_chain(path: Path) -> Any:
    """The functional form: one pooling and one activation for all blocks, augmentation inside, division by a number."""
    pool, relu = layers.MaxPooling2D(), layers.ReLU()
    picture = keras.Input((16, 16, 3))
    x = keras.Sequential([layers.RandomFlip(seed=1), layers.RandomRotation(0.1, seed=1)])(picture) / 255.0
    for filters in (32, 64, 128):
        x = pool(layers.BatchNormalization()(relu(layers.Conv2D(filters, 3, padding="same")(x))))
    x = layers.SpatialDropout2D(0.1)(x)
    x = layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return drawn(keras.Model(picture, keras.ops.sigmoid(layers.Dense(1)(x))), path)


def inside(path: Path) -> Any:
    """A network inside a network, at the size that it is made for."""
    picture = keras.Input((16, 16, 3))
    first, *rest = hidri()
    x = keras.Sequential([layers.Resizing(16, 16), layers.GaussianNoise(0.1), first])(picture)
    return drawn(keras.Model(picture, keras.Sequential([keras.Input((16, 16, 3)), *rest])(x)), path)


ALIKE: dict[str, Callable[[Path], Any]] = {
    "plain": lambda path: saved(hidri(), path),
    "without a scale": lambda path: saved(hidri(first=None), path),
    "scale of each channel": lambda path: saved(hidri(first=layers.Rescaling([1 / 255] * 3)), path),
    "activations apart": lambda path: saved(
        hidri(
            convolution={"activation": None},
            between=lambda: [layers.Activation("relu")],
            last=[layers.Dense(1), layers.Activation("sigmoid")],
        ),
        path,
    ),
    "chain": of_a_chain,
    "inside": inside,
}


@pytest.mark.parametrize("name", ["a.h5", "a.keras"])
@pytest.mark.parametrize("alike", ALIKE)
def test_other_ways_to_write_the_same_network(alike: str, name: str, tmp_path: Path, pictures: np.ndarray) -> None:
    network = ALIKE[alike](tmp_path / name)
    seen = pictures / 255 if alike == "without a scale" else pictures
    expected = network.predict_on_batch(seen).reshape(-1)
    assert np.ptp(expected) > 0.001
    import_weights(tmp_path / name, WANTED, tmp_path / "models")
    version = open_version(tmp_path / "models" / "mine-1")
    assert load(version).answers(pictures).malignant == pytest.approx(expected, abs=1e-6)


def test_no_activation_at_the_end_are_logits(tmp_path: Path, pictures: np.ndarray) -> None:
    expected = saved(hidri(last=[layers.Dense(1)]), tmp_path / "a.keras").predict_on_batch(pictures).reshape(-1)
    import_weights(tmp_path / "a.keras", WANTED, tmp_path / "models")
    answers = load(open_version(tmp_path / "models" / "mine-1")).answers(pictures)
    assert answers.malignant == pytest.approx(1 / (1 + np.exp(-expected)), abs=1e-6)


@pytest.mark.parametrize(
    ("wanted", "units"),
    [(replace(WANTED, outputs=BINARY.names), 2), (replace(WANTED, classes=Classes(("a", "b", "c"), ("a",))), 3)],
)
def test_independent_outputs_are_no_softmax(wanted: Wanted, units: int, tmp_path: Path) -> None:
    saved(hidri(last=[layers.Dense(units, activation="sigmoid")]), tmp_path / "a.keras")
    with pytest.raises(UsageFault, match=r"activation: expected softmax \(as \w+\), received sigmoid$"):
        import_weights(tmp_path / "a.keras", wanted, tmp_path / "models")


@pytest.mark.parametrize("architecture", ["thompson", "efficientnet-lite0", "efficientnet-lite2"])
def test_each_architecture_is_like_itself(architecture: str) -> None:
    network = build(architecture, 32)
    expect_described(json.loads(network.to_json()), network, architecture, folds=False)


def in_keras_2(network: Any) -> dict[str, Any]:
    """A chain as Keras 2 describes it: inputs by position, plain names, the axis of the channels as a list."""
    described: list[Any] = []
    for layer in network.layers:
        config = {key: value for key, value in layer.get_config().items() if key not in ("groups", "dtype")}
        config |= {"axis": [3]} if "axis" in config else {}
        inputs = [[[described[-1]["name"], 0, 0, {}]]] if described else []
        described.append(
            {"class_name": type(layer).__name__, "config": config, "name": layer.name, "inbound_nodes": inputs}
        )
    last = [[described[-1]["name"], 0, 0]]
    # in the wild the network inside counts its calls from 1, since it was called once when it was made
    inner = {"name": "hidri", "layers": described, "output_layers": last}
    return {
        "class_name": "Functional",
        "config": {
            "layers": [{"class_name": "Functional", "config": inner, "name": "hidri", "inbound_nodes": []}],
            "output_layers": [["hidri", 1, 0]],
        },
    }


def test_keras_2_describes_it_otherwise() -> None:
    network = build("hidri", 16)
    described = in_keras_2(network)
    expect_described(described, network, "hidri", folds=False)
    described["config"]["layers"][0]["config"]["layers"][1]["config"]["strides"] = [2, 2]
    with pytest.raises(UsageFault, match=r"at conv_1: strides: expected \[1, 1\] \(as conv_1\), received \[2, 2\]"):
        expect_described(described, network, "hidri", folds=False)


@pytest.mark.parametrize("description", [None, [], {}, {"class_name": "Mine", "config": {"width": 3}}])
def test_a_description_without_layers_is_not_judged(description: Any) -> None:
    expect_described(description, build("hidri", 16), "hidri", folds=False)


CALL = [[["inner", 0, 0, {}]]]
TWICE = {"class_name": "Functional", "name": "inner", "config": {"layers": []}, "inbound_nodes": [[], CALL]}


@pytest.mark.parametrize(
    "config",
    [
        {"layers": ["conv"]},
        {"layers": [{}]},
        {"layers": [{"class_name": "Resizing", "config": {}}]},
        {"layers": [], "output_layers": [["gone", 0, 0]]},
        {"layers": [{"name": "a", "inbound_nodes": [1]}], "output_layers": [["a", -9, 0]]},
        {"layers": [{"class_name": "ReLU", "config": {"max_value": 10**400}}]},
        {"layers": [TWICE], "output_layers": [["inner", 1, 0]]},
    ],
)
def test_a_description_that_no_keras_wrote(config: dict[str, Any]) -> None:
    with pytest.raises(UsageFault, match="^the file cannot be read as|inner inside it more than once: expected once$"):
        expect_described({"config": config}, build("hidri", 16), "hidri", folds=False)


@pytest.mark.parametrize(
    ("shape", "size"), [([None, 128, 128, 3], 128), ([None, None, None, 3], None), ([None, 5], None)]
)
def test_the_input_of_a_description(shape: list[int | None], size: int | None) -> None:
    assert input_size({"config": {"layers": [{"config": {"batch_input_shape": shape}}]}}) == size


@pytest.mark.parametrize("shape", [[None, 128, 96, 3], [None, 128, 128, 1], [None, 8, 8, 3], [None, 99999, 99999, 3]])
def test_an_input_that_cannot_be(shape: list[int | None]) -> None:
    with pytest.raises(UsageFault, match="expected an RGB square of 16 to 2048 pixels a side"):
        input_size({"config": {"batch_shape": shape}})
