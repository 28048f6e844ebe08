"""The known architectures. A manifest names one of them; layers are never deserialised from a file."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

from models.errors import ModelInvalid

ARCHITECTURES: dict[str, str] = {
    "efficientnet-lite0": "models.networks.efficientnet_lite0",
    "efficientnet-lite2": "models.networks.efficientnet_lite2",
    "hidri": "models.networks.hidri",
    "thompson": "models.networks.thompson",
}


def build(architecture: str, input_size: int, units: int = 1) -> Any:
    """Untrained keras model of a known architecture. Raises ModelInvalid for an unknown name.

    units: 1, or the number of classes (`models.classes.Classes.units`).
    """
    return _module(architecture).build(input_size, units)


def feature_map(architecture: str) -> str:
    """Name of the layer whose output is the last convolutional feature map, as the architecture's code says.

    Raises ModelInvalid for an unknown architecture.
    """
    name: str = _module(architecture).FEATURE_MAP
    return name


def distribution_layers(architecture: str) -> tuple[str, ...]:
    """Names of the layers whose channel means tell strange pictures (`models.distribution`). Raises ModelInvalid."""
    names: tuple[str, ...] = _module(architecture).DISTRIBUTION_LAYERS
    return names


def _module(architecture: str) -> ModuleType:
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelInvalid(f"unknown architecture: expected one of {known}, received {architecture!r}")
    return import_module(ARCHITECTURES[architecture])
