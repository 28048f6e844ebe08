"""Grad-CAM: which part of a picture raised a network's score.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
ICCV 2017, equations 1 and 2. Taken on the score before the sigmoid: a probability of 1.000000 has no slope left.
It shows where the score comes from, as coarse as the network's last feature map; it does not outline a lesion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.calibration import UNCALIBRATED, Calibration
from models.networks.architectures import feature_map
from models.networks.backend import import_keras
from models.networks.loaded import verified_network
from models.version import ModelVersion
from models.views import flips


class GradCam:
    """Maps of one network. Not thread-safe: one process, one network, one caller."""

    def __init__(self, network: Any, layer: str, calibration: Calibration = UNCALIBRATED, views: int = 1) -> None:
        """``layer``: name of the layer whose output is the last convolutional feature map."""
        self._calibration, self._views = calibration, views
        keras = import_keras()
        self._unit = network.layers[-1]
        self._parts = keras.Model(network.inputs, [network.get_layer(layer).output, self._unit.input])

    def maps(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Probability and map of each picture, both averaged over the views of the model version.

        pictures: (n, size, size, 3), uint8. Returns probabilities (n,), 0..1, and maps (n, size, size), 0..1: 1 is
        the place that raised the score most. Nothing but 0 where no place raised it.
        """
        looks = [self._look(flip(pictures)) for flip in flips(self._views)]
        probabilities = np.mean([said for said, _ in looks], axis=0)
        # a flip undoes itself: each map is laid back onto the picture
        small = np.mean([flip(map_) for flip, (_, map_) in zip(flips(self._views), looks, strict=True)], axis=0)
        return self._calibration.apply(probabilities), np.stack(
            [_enlarged(_to_one(m), pictures.shape[1]) for m in small]
        )

    def _look(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Uncalibrated probabilities (n,) of one view, and its maps as large as the feature map, 0 and above."""
        import tensorflow as tf

        seen = tf.cast(pictures, tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(seen)
            features, before_unit = self._parts(seen, training=False)
            score = tf.linalg.matmul(before_unit, self._unit.kernel) + self._unit.bias
        importance = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        small = np.asarray(tf.nn.relu(tf.reduce_sum(importance * features, axis=-1)), dtype=np.float32)
        return np.asarray(self._unit.activation(score), dtype=np.float64).reshape(-1), small


def gradcam_of(version: ModelVersion) -> GradCam:
    """Grad-CAM of a model version. Raises ModelInvalid when its weights are missing, altered or of another shape."""
    manifest = version.manifest
    return GradCam(verified_network(version), feature_map(manifest.architecture), manifest.calibration, manifest.views)


def _to_one(small: NDArray[np.float32]) -> NDArray[np.float32]:
    highest = float(small.max())
    return small / np.float32(highest) if highest > 0 else small


def _enlarged(small: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Bilinear, which never leaves the range of its input."""
    return np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
