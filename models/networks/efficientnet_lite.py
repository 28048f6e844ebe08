"""EfficientNet-Lite: inverted residual blocks with ReLU6 and without squeeze-and-excitation, then the outputs.

The sizes of the family differ in their stages alone (`efficientnet_lite0`, `efficientnet_lite2`). Source: Tan and Le,
EfficientNet (arXiv:1905.11946), in the lite variant of
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (stem, head and the repeats of the first
and last stage stay as they are, pictures are scaled to (x - 127) / 128, batch normalisation adds 1e-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.networks.backend import import_keras
from models.networks.head import head

FEATURE_MAP = "head_relu6"  # the last convolution, normalised and cut off: what Grad-CAM looks at
STEM, HEAD = 32, 1280
EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks of one resolution: channel expansion, kernel side, stride of the first block, channels, repeats."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    repeats: int


def efficientnet_lite(name: str, stages: Sequence[Stage], input_size: int, units: int) -> Any:
    """Untrained network: (n, input_size, input_size, 3) in 0..255 -> (n, units), 0..1 (`models.networks.head`)."""
    keras = import_keras()
    layers = keras.layers
    picture = keras.Input((input_size, input_size, 3), name="picture")
    # the weights come from TensorFlow, whose "same" pads the bottom and right first at stride 2, as keras does
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(picture)
    x = layers.Conv2D(STEM, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _norm_relu6(x, "stem")
    number = 0
    for stage in stages:
        for repeat in range(stage.repeats):
            x = _block(x, stage, stage.stride if repeat == 0 else 1, f"block_{number}")
            number += 1
    x = layers.Conv2D(HEAD, 1, use_bias=False, name="head_conv")(x)
    x = _norm_relu6(x, "head")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    # float32 also when the rest computes in bfloat16, whose 8 bits are too coarse for a probability
    x = head(units, dtype="float32")(x)
    return keras.Model(picture, x, name=name)


def _norm_relu6(x: Any, name: str) -> Any:
    layers = import_keras().layers
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_norm")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(x)


def _block(inputs: Any, stage: Stage, stride: int, name: str) -> Any:
    """Expand, filter each channel by itself, project; added to its input where shapes allow."""
    layers = import_keras().layers
    x, channels = inputs, inputs.shape[-1]
    if stage.expansion != 1:
        x = layers.Conv2D(channels * stage.expansion, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _norm_relu6(x, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = _norm_relu6(x, f"{name}_depthwise")
    x = layers.Conv2D(stage.channels, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_project_norm")(x)
    if stride == 1 and channels == stage.channels:
        x = layers.Add(name=f"{name}_add")([x, inputs])
    return x
