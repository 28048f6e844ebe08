"""Hidri's network: three blocks of convolution, batch normalisation and pooling, then one unit.

94,273 parameters at 128x128. Source: Hidri's melanoma notebook, as described by its architecture
[conv-BN-pool] x 3 (32, 64, 128), global average pooling, dropout 0.4, sigmoid.
"""

from __future__ import annotations

from typing import Any

from models.networks.backend import import_keras
from models.networks.head import head

FEATURE_MAP = "conv_3"  # the last convolution: what Grad-CAM looks at
DISTRIBUTION_LAYERS = ("pool_1", "pool_2", "pool_3")  # whose channel means tell strange pictures


def build(input_size: int, units: int = 1) -> Any:
    """Untrained network: (n, input_size, input_size, 3) in 0..255 -> (n, units), 0..1 (`models.networks.head`)."""
    keras = import_keras()
    layers = keras.layers
    steps = [
        keras.Input((input_size, input_size, 3), name="picture"),
        layers.Rescaling(1 / 255, name="rescale"),
    ]
    for number, filters in enumerate((32, 64, 128), start=1):
        steps += [
            layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{number}"),
            layers.BatchNormalization(name=f"norm_{number}"),
            layers.MaxPooling2D(name=f"pool_{number}"),
        ]
    steps += [
        layers.GlobalAveragePooling2D(name="average"),
        layers.Dropout(0.4, name="dropout"),
        head(units),
    ]
    return keras.Sequential(steps, name="hidri")
