"""What a file says of its network: the input's side, and whether it computes what the known architecture computes.

Weights fit by order and shape also where pictures were scaled otherwise, or a padding, a pooling or an activation is
another: the probabilities are not those of the file's network then. The description is JSON, of Keras 2 or 3; no layer
is made from it.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from models.errors import UsageFault
from models.networks.legacy_file import reading
from models.printable import printable

MIN_SIDE, MAX_SIDE = 16, 2048  # pixels; the networks pool four times, and no dermoscopic network looks at more

COMPARED = (
    "scale", "offset", "strides", "padding", "dilation_rate", "groups", "depth_multiplier", "pool_size", "axis",
    "epsilon", "data_format",
)  # fmt: skip
"""Options that the shapes of weights do not show. A version of Keras that does not name one has our value of it."""

# in training alone; beside these all whose names begin with Random, but RandomCrop
PASSED_OVER = {
    "ActivityRegularization", "AlphaDropout", "AugMix", "CutMix", "Dropout", "GaussianDropout", "GaussianNoise",
    "Identity", "InputLayer", "MixUp", "RandAugment", "SpatialDropout2D",
}  # fmt: skip
RESIZING = {"CenterCrop", "RandomCrop", "Resizing"}  # which do nothing to a picture that has their size
ACTIVATIONS = {"Activation", "ReLU", "Relu", "Relu6", "Sigmoid", "Softmax"}  # layers, and operations of Keras 3


@dataclass(frozen=True)
class Step:
    """One thing that a network computes: the layer that says so, its class, and its options by their names."""

    layer: str
    kind: str
    options: dict[str, Any]


def input_size(description: Any) -> int | None:
    """Side of the input, in pixels, where the file's description names one; layers are not looked at otherwise.

    Raises UsageFault for an input that is no RGB square, and for a layer that is code: the known architecture does not
    do what that code does.
    """
    size = None
    for key, value in _walk(description):
        if key == "class_name" and value in ("Lambda", "TFOpLambda", "SlicingOpLambda"):
            raise UsageFault(f"the file's network has a layer of code ({value}), which no known architecture has")
        if size is None and key in ("batch_shape", "batch_input_shape") and isinstance(value, list) and len(value) == 4:
            size = value[1]
            if value[1:] == [None, None, 3]:
                size = None
            elif value[1:] != [size, size, 3] or not isinstance(size, int) or not MIN_SIDE <= size <= MAX_SIDE:
                raise UsageFault(
                    f"the input of the file's network: expected an RGB square of {MIN_SIDE} to {MAX_SIDE} pixels a "
                    f"side, received {value[1:]}"
                )
    return size


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of parsed JSON, outer ones first."""
    pending = deque([value])
    while pending:
        item = pending.popleft()
        if isinstance(item, dict):
            yield from item.items()
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def expect_described(description: Any, network: Any, architecture: str, *, folds: bool) -> None:
    """Raise UsageFault that names the first layer which computes something else than the built network's.

    folds: the file's last two units become one, so that theirs is a softmax. Where the file has no Rescaling, and where
    its last layer has no activation, ours stand for what was done outside of the network. A file that describes no
    layers is not judged.
    """
    with reading():
        if not isinstance(description, dict) or _layers(description) is None:
            return
        received = _steps(description, network.input_shape[1])
        expected = _steps(json.loads(network.to_json()), network.input_shape[1])
        if folds:
            expected[-1] = replace(expected[-1], options={"activation": "softmax"})
        if all(step.kind != "Rescaling" for step in received):
            expected = [step for step in expected if step.kind != "Rescaling"]
        if received and received[-1].kind == "Dense":
            expected.pop()
        for ours, theirs in zip_longest(expected, received, fillvalue=Step("its end", "nothing", {})):
            if misfit := _misfit(ours, theirs):
                raise UsageFault(printable(f"the file's network is no {architecture}: at {theirs.layer}: {misfit}"))


def _misfit(ours: Step, theirs: Step) -> str | None:
    if ours.kind != theirs.kind:
        return f"expected {ours.kind} (as {ours.layer}), received {theirs.kind}"
    for key, value in ours.options.items():
        other = theirs.options.get(key)
        if other is not None and not _same(value, other):
            return f"{key}: expected {value} (as {ours.layer}), received {other}"
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return np.shape(one) in (np.shape(other), ()) and bool(np.allclose(one, other, rtol=1e-4, atol=1e-6))


def _layers(network: dict[str, Any]) -> list[Any] | None:
    """The layers of a network; None: it is a layer itself. In early Keras 2 they are the whole configuration."""
    config = network.get("config")
    found = config.get("layers") if isinstance(config, dict) else config
    return found if isinstance(found, list) else None


def _steps(network: dict[str, Any], size: int) -> list[Step]:
    """What it computes, in order; an activation is a step of its own, whether or not it is a layer of its own."""
    steps: list[Step] = []
    for layer, call in _order(network):
        kind = re.sub(r"V\d$", "", layer["class_name"])
        config = layer["config"] if isinstance(layer["config"], dict) else {}
        name = config.get("name") or layer.get("name") or kind
        if _layers(layer) is not None:
            steps += _steps(layer, size)
        elif _does_nothing(kind, config, size):
            continue
        elif kind == "Flatten" and steps and steps[-1].kind == "GlobalAveragePooling2D":
            continue  # of what is flat
        elif kind == "TrueDivide" and isinstance(call["args"][1], float) and call["args"][1]:
            # pictures / 255.0, as Keras 3 keeps it
            steps.append(Step(name, "Rescaling", {"scale": 1 / call["args"][1], "offset": 0}))
        else:
            if kind not in ACTIVATIONS:
                steps.append(Step(name, kind, {key: _option(key, config[key]) for key in COMPARED if key in config}))
            activation = _activation(layer if kind in ACTIVATIONS else config.get("activation"))
            if activation != "linear":
                steps.append(Step(name, "Activation", {"activation": activation}))
    return steps


def _does_nothing(kind: str, config: dict[str, Any], size: int) -> bool:
    if kind in RESIZING:
        return bool((config["height"], config["width"]) == (size, size))
    return kind in PASSED_OVER or kind.startswith("Random")


def _option(key: str, value: Any) -> Any:
    return -1 if key == "axis" and value in (3, [3], [-1]) else value  # the channels of a picture


def _activation(said: Any) -> str:
    """The name of an activation, which is a name, a function or a layer."""
    if not isinstance(said, dict):
        return str(said or "linear")
    kind, config = said["class_name"], said["config"]
    if not isinstance(config, dict):
        return str(config)
    if kind == "Activation":
        return _activation(config["activation"])
    if kind == "ReLU" and not config.get("negative_slope") and not config.get("threshold"):
        limit = config.get("max_value")
        return "relu" if limit is None else f"relu{limit:g}"
    return "leaky relu" if kind == "ReLU" else str(kind).lower()


def _order(network: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """Layers in the order in which they compute, each as often as it is called, with what the call says."""
    layers, config = _layers(network) or [], network["config"]
    if "output_layers" not in config:
        return [(layer, None) for layer in layers]
    named = {layer["name"]: layer for layer in layers}
    ordered: dict[tuple[str, int], tuple[dict[str, Any], Any]] = {}
    seen: set[tuple[str, int]] = set()
    pending = list(_tensors(config["output_layers"]))
    while pending:  # from the end, each after all that it takes its input from
        place = name, number = pending[-1]
        calls = named[name].get("inbound_nodes") or [None]
        if len(calls) > 1 and _layers(named[name]) is not None:
            raise UsageFault(f"the file's network calls the network {name} inside it more than once: expected once")
        call = calls[min(number, len(calls) - 1)]  # Keras counts those of a network inside from 1
        if place in seen:
            ordered.setdefault(pending.pop(), (named[name], call))
        else:
            seen.add(place)
            pending += [item for item in _tensors(call) if item not in seen]
    return list(ordered.values())


def _tensors(said: Any) -> Iterator[tuple[str, int]]:
    """The layer of each tensor that is named, and at which of its calls: [NAME, CALL, ...] in Keras 2 and 3."""
    if isinstance(said, list) and len(said) > 2 and isinstance(said[0], str) and isinstance(said[1], int):
        yield said[0], said[1]
    elif isinstance(said, list | dict):
        for item in said.values() if isinstance(said, dict) else said:
            yield from _tensors(item)
