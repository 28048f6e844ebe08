"""A network that says, beside its outputs, what `models.distribution` looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.errors import ModelInvalid
from models.networks.backend import import_keras


def with_features(network: Any, layers: Sequence[str]) -> Any:
    """The same network with the outputs {"outputs": (n, units), "features": (n, d)}: channel means of the layers.

    Raises ModelInvalid where the network has not these layers, or they say nothing by place and channel.
    """
    keras = import_keras()
    known = {layer.name for layer in network.layers if len(layer.output.shape) == 4}
    if (unknown := [name for name in layers if name not in known]) or not layers:
        raise ModelInvalid(
            f"distribution: expected layers of {network.name} with height, width and channels, received "
            f"{', '.join(unknown) or 'none'}"
        )
    means = [keras.ops.mean(network.get_layer(name).output, axis=(1, 2)) for name in layers]
    return keras.Model(
        network.inputs, {"outputs": network.outputs[0], "features": keras.ops.concatenate(means, axis=-1)}
    )
