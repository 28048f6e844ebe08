"""Grad-CAM: which part of a picture raised a network's score.

Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
ICCV 2017, equations 1 and 2. Taken on the log-odds of malignant: a probability of 1.000000 has no slope left. With one
unit they are the score before the sigmoid, the usual choice. With several classes they are the logarithm of what speaks
for the malignant classes over what speaks for the others, so that a map explains the probability that is judged and no
single class.
It shows where the score comes from, as coarse as the network's last feature map; it does not outline a lesion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.answers import answers
from models.calibration import UNCALIBRATED, Calibration
from models.classes import BINARY, Classes
from models.networks.architectures import feature_map
from models.networks.backend import import_keras
from models.networks.loaded import verified_network
from models.version import ModelVersion
from models.views import flips


class GradCam:
    """Maps of one network. Not thread-safe: one process, one network, one caller."""

    def __init__(
        self,
        network: Any,
        layer: str,
        calibration: Calibration = UNCALIBRATED,
        classes: Classes = BINARY,
        views: int = 1,
    ) -> None:
        """``layer``: name of the layer whose output is the last convolutional feature map."""
        self._calibration, self._classes, self._views = calibration, classes, views
        keras = import_keras()
        self._unit = network.layers[-1]
        self._parts = keras.Model(network.inputs, [network.get_layer(layer).output, self._unit.input])

    def maps(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Probability of malignant and map of each picture, both averaged over the views of the model version.

        pictures: (n, size, size, 3), uint8. Returns probabilities (n,), 0..1, and maps (n, size, size), 0..1: 1 is
        the place that raised the score most. Nothing but 0 where no place raised it.
        """
        looks = [self._look(flip(pictures)) for flip in flips(self._views)]
        said = answers(np.mean([outputs for outputs, _ in looks], axis=0), self._classes, self._calibration)
        # a flip undoes itself: each map is laid back onto the picture
        small = np.mean([flip(map_) for flip, (_, map_) in zip(flips(self._views), looks, strict=True)], axis=0)
        return said.malignant, np.stack([_enlarged(_to_one(item), pictures.shape[1]) for item in small])

    def _look(self, pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Outputs (n, units) of one view before calibration, and its maps as large as the feature map, 0 and above."""
        import tensorflow as tf

        seen = tf.cast(pictures, tf.float32)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(seen)
            features, before_unit = self._parts(seen, training=False)
            scores = tf.linalg.matmul(before_unit, self._unit.kernel) + self._unit.bias
            score = self._log_odds(tf, scores)
        importance = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
        small = np.asarray(tf.nn.relu(tf.reduce_sum(importance * features, axis=-1)), dtype=np.float32)
        return np.asarray(self._unit.activation(scores), dtype=np.float64), small

    def _log_odds(self, tf: Any, scores: Any) -> Any:
        """(n, units) before the activation -> of malignant, with the temperature that the probabilities have."""
        if not self._classes.several:
            return scores
        scores, malignant = scores / self._calibration.temperature, self._classes.are_malignant
        speaking_for, against = (tf.boolean_mask(scores, chosen, axis=1) for chosen in (malignant, ~malignant))
        return tf.reduce_logsumexp(speaking_for, axis=1) - tf.reduce_logsumexp(against, axis=1)


def gradcam_of(version: ModelVersion) -> GradCam:
    """Grad-CAM of a model version. Raises ModelInvalid when its weights are missing, altered or of another shape."""
    manifest = version.manifest
    layer = feature_map(manifest.architecture)
    return GradCam(verified_network(version), layer, manifest.calibration, manifest.classes, manifest.views)


def _to_one(small: NDArray[np.float32]) -> NDArray[np.float32]:
    highest = float(small.max())
    return small / np.float32(highest) if highest > 0 else small


def _enlarged(small: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Bilinear, which never leaves the range of its input."""
    return np.asarray(Image.fromarray(small).resize((size, size), Image.Resampling.BILINEAR), dtype=np.float32)
