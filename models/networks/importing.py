"""A model version from weights that somebody else trained: mapped onto a known architecture, nothing claimed."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalogue import SHIPPED
from models.checksum import sha256_hex
from models.classes import BINARY, MALIGNANT, Classes
from models.errors import UsageFault
from models.manifest import FORMAT, Manifest, parse, version_name
from models.networks.architectures import build
from models.networks.backend import library_versions
from models.networks.description import expect_described, input_size
from models.networks.head import folded
from models.networks.legacy_file import LegacyFile, StoredLayer, open_legacy, reading
from models.networks.weights import dump_weights
from models.whole_file import put_in_place

POINT = "imported"  # the one operating point: a threshold that nothing was measured at

KERAS_2 = {("DepthwiseConv2D", "kernel"): "depthwise_kernel"}
"""What Keras 2 called a weight, by its layer's class and its name in Keras 3, where they differ in our networks."""


@dataclass(frozen=True)
class Wanted:
    """What the file does not say. ``input_size`` (pixels) gives way to the size that the file names.

    ``outputs``: of a binary version, what the file's units are called, in their order, where somebody said it. Two of
    them are a softmax over benign and malignant, which becomes one sigmoid.
    """

    name: str
    architecture: str
    input_size: int
    preprocessing: str
    threshold: float
    chosen_for: str
    classes: Classes = BINARY
    outputs: tuple[str, ...] = ()


def import_weights(path: Path, wanted: Wanted, models: Path) -> Manifest:
    """Write a model version into ``models``/NAME, whole or not at all, and return its manifest.

    Its metrics are empty: the numbers of other weights are not those of these. Raises UsageFault when the file does not
    fit the architecture or the name cannot be used.
    """
    try:
        version_name(wanted.name)
    except ValueError as error:
        raise UsageFault(f"the name of a model version: {error}") from error
    if (SHIPPED / wanted.name).exists() or (models / wanted.name).exists():
        raise UsageFault(f"there is a model version {wanted.name!r} already; name another")
    with open_legacy(path) as file:
        size = input_size(file.description) or wanted.input_size
        network = build(wanted.architecture, size, wanted.classes.units)
        became_one = _fill(network, file, wanted)
        expect_described(file.description, network, wanted.architecture, folds=became_one)
    weights = dump_weights(network)
    imported = {
        "layout": file.layout,
        "sha256": file.sha256,
        **({"outputs": list(wanted.outputs)} if became_one else {}),
    }
    text = json.dumps(_manifest(wanted, size, weights, imported, network.count_params()), indent=2) + "\n"
    manifest = parse(text)
    models.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=models, prefix=f".{wanted.name}.") as parent:
        folder = Path(parent) / wanted.name
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(weights)
        (folder / "manifest.json").write_text(text, encoding="utf-8")
        put_in_place(folder, models / wanted.name)
    return manifest


def _fill(network: Any, file: LegacyFile, wanted: Wanted) -> bool:
    """Assign the file's weights, after all of them were found to fit. Raises UsageFault that names the first misfit.

    Returns whether two outputs became one.
    """
    layers = [layer for layer in network.layers if layer.weights]
    ready: list[tuple[Any, NDArray[np.float32]]] = []
    architecture = wanted.architecture
    ordered = _in_order(layers, file, architecture)
    folds = _check_units(layers[-1], ordered[-1], wanted.outputs)
    for layer, stored in zip(layers, ordered, strict=True):
        if len(stored.weights) != len(layer.weights):
            raise UsageFault(
                f"{stored.name} does not fit {architecture}/{layer.name}: expected {len(layer.weights)} weights, "
                f"received {len(stored.weights)}"
            )
        for variable, (name, dataset) in zip(layer.weights, stored.weights, strict=True):
            if name not in (None, variable.name, KERAS_2.get((type(layer).__name__, variable.name))):
                raise UsageFault(
                    f"{stored.name} does not fit {architecture}/{layer.name}: expected {variable.name}, received {name}"
                )
            shape, place = tuple(variable.shape), f"{stored.name}/{variable.name}"
            if folds and layer is layers[-1]:
                both = _numbers(dataset, (*shape[:-1], 2), place)
                numbers = folded(both, wanted.outputs.index(MALIGNANT))
                if not np.isfinite(numbers).all():
                    raise UsageFault(f"weight {place}: its two outputs lie further apart than float32 can say")
                ready.append((variable, numbers))
            else:
                ready.append((variable, _numbers(dataset, shape, place)))
    for variable, numbers in ready:
        variable.assign(numbers)
    return folds


def _check_units(layer: Any, stored: StoredLayer, outputs: tuple[str, ...]) -> bool:
    """Whether the file's two units, called ``outputs``, are to become one.

    A file with another number of outputs is usually one of several classes: say so, and not only shapes.
    """
    expected = tuple(layer.weights[0].shape)
    received = tuple(stored.weights[0][1].shape) if stored.weights else ()
    if len(received) != 2 or received[0] != expected[0]:
        return False
    # one unit says malignant whether or not somebody named benign before it; malignant before benign are two
    fitting = {expected[1], 2} if outputs == BINARY.names else {len(outputs) or expected[1]}
    if received[1] not in fitting:
        names = "the classes of its outputs in their order, and those of them that count as malignant"
        what = "no classes where the one output is the probability of malignant" if received[1] == 1 else names
        raise UsageFault(
            f"the last layer of the file, {stored.name}: expected {max(fitting)} outputs, received {received[1]}; name "
            f"{what}"
        )
    return bool(received[1] != expected[1])


def _in_order(layers: list[Any], file: LegacyFile, architecture: str) -> list[StoredLayer]:
    """The stored layer of each layer of the network: by order, and where the file has kinds, by order in each kind."""
    if len(layers) != len(file.layers):
        raise UsageFault(
            f"the file does not fit {architecture}: expected {len(layers)} layers with weights, received "
            f"{len(file.layers)}: {', '.join(item.name for item in file.layers[:20]) or 'none'}"
        )
    if all(item.kind is None for item in file.layers):
        return list(file.layers)
    by_kind: dict[str, list[StoredLayer]] = defaultdict(list)
    for item in file.layers:
        by_kind[item.kind or ""].append(item)
    for kind, items in by_kind.items():
        if len({item.name.rpartition("/")[0] for item in items}) > 1:
            raise UsageFault(f"the file keeps its {kind} layers in several networks: their order cannot be told")
    ordered = []
    for layer in layers:
        kind = _snake(type(layer).__name__)
        if not by_kind[kind]:
            raise UsageFault(f"the file does not fit {architecture}: it has no {kind} layer for {layer.name}")
        ordered.append(by_kind[kind].pop(0))
    return ordered


def _snake(name: str) -> str:
    """Conv2D -> conv2d, BatchNormalization -> batch_normalization: how Keras names groups by classes."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _numbers(dataset: Any, shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    """The numbers of a dataset, read only once its shape is known to be right."""
    if tuple(dataset.shape) != shape:
        raise UsageFault(f"weight {name}: expected shape {shape}, received {tuple(dataset.shape)}")
    if dataset.dtype.kind != "f":
        raise UsageFault(f"weight {name}: expected floating-point numbers, received {dataset.dtype}")
    with reading():
        numbers = np.asarray(dataset[()], dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise UsageFault(f"weight {name} holds infinities or what is not a number")
    return numbers


def _manifest(wanted: Wanted, size: int, weights: bytes, imported: dict[str, Any], parameters: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "name": wanted.name,
        "architecture": wanted.architecture,
        "input_size": size,
        "preprocessing": wanted.preprocessing,
        "labels": ["benign", "malignant"],
        **wanted.classes.as_json(),
        "intended_use": "Research software; a screening aid, not a diagnosis and not a medical device.",
        "calibration": {"method": "none"},
        "operating_points": {
            POINT: {
                "threshold": wanted.threshold,
                "chosen_for": wanted.chosen_for,
                "chosen_on": "no data",
                "expected": {},
            }
        },
        "default_operating_point": POINT,
        "metrics": {},
        "training": {"imported": imported, "libraries": library_versions()},
        "weights": {"file": "weights.safetensors", "sha256": sha256_hex(weights), "parameters": parameters},
    }
