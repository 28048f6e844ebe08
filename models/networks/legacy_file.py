"""Weights out of files that Keras saved, read as numbers alone: no layer is made from the file, no code of it is run.

``keras.models.load_model`` would rebuild layers from the file's own description, and a layer may be code
(CVE-2024-3660, CVE-2025-1550). Here HDF5 is read with h5py, and the description as JSON, to be compared alone.

Layouts: `model_weights/LAYER/...` with the attributes `layer_names` and `weight_names` (Keras 2, and `.h5` of Keras 3),
and `layers/KIND_N/vars/I` (`.weights.h5` of Keras 3, which is also inside a `.keras` archive). Keras 2.12 and 2.13 call
the latter `_layer_checkpoint_dependencies/...`, and leave out every second number.
"""

from __future__ import annotations

import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.checksum import sha256_hex
from models.errors import UsageFault

KINDS = ("layers", "_layer_checkpoint_dependencies")  # groups of layers by their classes

MAX_BYTES = 2 << 30
"""Of a file, or of the weights inside an archive. A network of a billion weights is none of ours."""

# RuntimeError: also the RecursionError of a group that holds itself
_BROKEN = (
    OSError, LookupError, ValueError, ArithmeticError, RuntimeError, TypeError, AttributeError, EOFError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class StoredLayer:
    """The weights of one layer: (name or None, h5py dataset). ``kind``: class in snake case, where the layout says."""

    name: str
    kind: str | None
    weights: tuple[tuple[str | None, Any], ...]


@dataclass(frozen=True)
class LegacyFile:
    """Layers with weights, in the file's order (per kind where the layout has kinds); the rest as the file says."""

    layout: str
    sha256: str
    layers: tuple[StoredLayer, ...]
    description: Any  # the parsed JSON of the network, or None


@contextmanager
def open_legacy(path: Path) -> Iterator[LegacyFile]:
    """Open a `.h5`, `.weights.h5` or `.keras` file; its datasets can be read inside the block.

    Raises UsageFault when it is none of them, is damaged, or leads out of itself by a link.
    """
    import h5py

    with reading():
        if path.stat().st_size > MAX_BYTES:
            raise UsageFault(f"the file is too large: expected at most {MAX_BYTES >> 20} MB")
        data = path.read_bytes()
        weights, description = _unpacked(data)
        file = h5py.File(io.BytesIO(weights), "r")
    with file:
        with reading():
            found = _read(file, sha256_hex(data), description)
        yield found


@contextmanager
def reading() -> Iterator[None]:
    """Put what h5py, zipfile and json raise over a damaged file into words, as a UsageFault."""
    try:
        yield
    except _BROKEN as error:
        raise UsageFault(
            f"the file cannot be read as .h5, .weights.h5 or .keras: {type(error).__name__}: {error}"
        ) from error


def _unpacked(data: bytes) -> tuple[bytes, Any]:
    """The HDF5 bytes, and the description of an archive."""
    if not zipfile.is_zipfile(io.BytesIO(data)) or data.startswith(b"\x89HDF"):
        return data, None
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.getinfo("model.weights.h5").file_size > MAX_BYTES:
            raise UsageFault(f"the weights in the archive are too large: expected at most {MAX_BYTES >> 20} MB")
        if archive.getinfo("config.json").file_size > MAX_BYTES >> 6:
            raise UsageFault("the description in the archive is too large")
        return archive.read("model.weights.h5"), json.loads(archive.read("config.json"))


def _read(file: Any, checksum: str, description: Any) -> LegacyFile:
    root = _inside(file, "model_weights") if _own(file, "model_weights") else file
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        text = file.attrs.get("model_config")
        described = json.loads(_text(text)) if text is not None else description
        return LegacyFile("model_weights", checksum, tuple(_by_names(root)), described)
    if any(_own(file, name) for name in KINDS):
        return LegacyFile("layers", checksum, tuple(_by_kinds(file)), description)
    raise UsageFault("the file holds no weights of Keras: expected the group model_weights or layers")


def _by_names(root: Any) -> Iterator[StoredLayer]:
    """Grouped by what stands before the last slash: a network inside a network keeps its layers apart that way."""
    for layer in _names(root, "layer_names"):
        groups: dict[str, list[tuple[str | None, Any]]] = {}
        for weight in _names(_inside(root, layer), "weight_names"):
            parent, _, name = weight.rpartition("/")
            if "seed_generator" not in weight:
                groups.setdefault(parent, []).append((name.partition(":")[0], _numbers(root, f"{layer}/{weight}")))
        for parent, weights in groups.items():
            yield StoredLayer(parent or layer, None, tuple(weights))


def _by_kinds(network: Any, path: str = "") -> Iterator[StoredLayer]:
    """Kind by kind in the order of their numbers; what is inside a network inside comes where that network stands."""
    for group in (name for name in KINDS if _own(network, name)):
        for name in sorted(_inside(network, group), key=_kind):
            layer, place = _inside(network, f"{group}/{name}"), f"{path}{group}/{name}"
            inner = _inside(layer, "vars") if _own(layer, "vars") else {}
            weights = tuple((None, _numbers(inner, number)) for number in sorted(inner, key=int))
            if weights:
                yield StoredLayer(place, _kind(name)[0], weights)
            yield from _by_kinds(layer, f"{place}/")


def _kind(name: str) -> tuple[str, int]:
    """conv2d_12 -> (conv2d, 12); the first of a kind has no number."""
    found = re.fullmatch(r"(.*?)(?:_(\d+))?", name)
    return (found[1], int(found[2] or 0)) if found else (name, 0)


def _own(group: Any, name: str) -> bool:
    return hasattr(group, "keys") and name in group


def _inside(group: Any, path: str) -> Any:
    """A member, by hard links alone: others lead out of the file. Raises UsageFault."""
    import h5py

    found = group
    for step in path.split("/"):
        if not isinstance(found.get(step, getlink=True), h5py.HardLink):
            raise UsageFault(f"{path} is missing from the file or leads out of it; expected it in the file itself")
        found = found[step]
    return found


def _numbers(group: Any, path: str) -> Any:
    """A dataset in a group, whose numbers are not read yet. Raises UsageFault for anything else."""
    import h5py

    found = _inside(group, path)
    if not isinstance(found, h5py.Dataset) or found.shape is None:
        raise UsageFault(f"{path} holds no numbers; expected those of a weight")
    if found.external or found.is_virtual:
        raise UsageFault(f"{path} keeps its numbers in another file; expected them in the file itself")
    return found


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; Keras cuts one that is over 64 KB into NAME0, NAME1, ..."""
    if attribute in group.attrs:
        return [_text(item) for item in group.attrs[attribute]]
    names: list[str] = []
    part = 0
    while f"{attribute}{part}" in group.attrs:
        names += [_text(item) for item in group.attrs[f"{attribute}{part}"]]
        part += 1
    return names


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
