"""Weights in and out of a network as safetensors: numbers only, no code (CVE-2024-3660, CVE-2025-1550)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.errors import ModelInvalid


def round_kernels(network: Any) -> None:
    """Round the kernels to what float16 can say: 11 significant bits, and a file of half the bytes.

    Biases and normalisation keep float32: they are few, and means and variances span more than float16 does.
    """
    for variable in network.weights:
        if len(variable.shape) > 1:
            variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))


def dump_weights(network: Any) -> bytes:
    """All weights of a keras model as safetensors bytes, keyed by the path of each variable.

    Tensors that float16 holds exactly (`round_kernels`) are stored so; nothing is lost.
    """
    return bytes(save({variable.path: _smallest(np.asarray(variable)) for variable in network.weights}))


def _smallest(tensor: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # beyond float16 it becomes infinite, and so is not equal
        half = tensor.astype(np.float16)
    return half if np.array_equal(half, tensor) else tensor


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
        variable.assign(tensors[path].astype(np.float32))
