"""The known architectures. A manifest names one of them; layers are never deserialised from a file."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from models.errors import ModelInvalid

ARCHITECTURES: dict[str, str] = {
    "efficientnet-lite0": "models.networks.efficientnet_lite0",
    "hidri": "models.networks.hidri",
}


def build(architecture: str, input_size: int) -> Any:
    """Untrained keras model of a known architecture. Raises ModelInvalid for an unknown name."""
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelInvalid(f"unknown architecture: expected one of {known}, received {architecture!r}")
    return import_module(ARCHITECTURES[architecture]).build(input_size)
