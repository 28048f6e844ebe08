"""Thompson's network: four blocks of convolution and pooling, flattened, one hidden layer, one unit.

849,617 parameters at 224x224. Source: Thompson's melanoma notebook, as described by its architecture
[conv-pool] x 4 (16, 32, 48, 64), Flatten, Dense 64, sigmoid. The padding of its convolutions is not described;
`same` is assumed here.
"""

from __future__ import annotations

from typing import Any

from models.networks.backend import import_keras
from models.networks.head import head

FEATURE_MAP = "conv_4"  # the last convolution: what Grad-CAM looks at
DISTRIBUTION_LAYERS = ("pool_1", "pool_2", "pool_3", "pool_4")  # whose channel means tell strange pictures


def build(input_size: int, units: int = 1) -> Any:
    """Untrained network: (n, input_size, input_size, 3) in 0..255 -> (n, units), 0..1 (`models.networks.head`).

    input_size: pixels, at least 16; the four poolings would leave nothing of less.
    """
    keras = import_keras()
    layers = keras.layers
    steps = [
        keras.Input((input_size, input_size, 3), name="picture"),
        layers.Rescaling(1 / 255, name="rescale"),
    ]
    for number, filters in enumerate((16, 32, 48, 64), start=1):
        steps += [
            layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{number}"),
            layers.MaxPooling2D(name=f"pool_{number}"),
        ]
    steps += [
        layers.Flatten(name="flatten"),
        layers.Dense(64, activation="relu", name="hidden"),
        head(units),
    ]
    return keras.Sequential(steps, name="thompson")
