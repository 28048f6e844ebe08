"""Weights in and out of a network as safetensors: numbers only, no code (CVE-2024-3660, CVE-2025-1550)."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.errors import ModelInvalid


def dump_weights(network: Any) -> bytes:
    """All weights of a keras model as safetensors bytes, keyed by the path of each variable."""
    return bytes(save({variable.path: np.asarray(variable) for variable in network.weights}))


def load_weights(network: Any, data: bytes) -> None:
    """Assign safetensors bytes to the variables of a keras model.

    Raises ModelInvalid unless names and shapes agree exactly, both ways.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelInvalid(f"weights are not safetensors: {error}") from error
    variables = {variable.path: variable for variable in network.weights}
    if variables.keys() != tensors.keys():
        missing, extra = sorted(variables.keys() - tensors.keys()), sorted(tensors.keys() - variables.keys())
        raise ModelInvalid(f"weights do not fit {network.name}: missing {missing or 'none'}, unknown {extra or 'none'}")
    for path, variable in variables.items():
        if tuple(variable.shape) != tensors[path].shape:
            raise ModelInvalid(f"weight {path}: expected shape {tuple(variable.shape)}, received {tensors[path].shape}")
        variable.assign(tensors[path])
