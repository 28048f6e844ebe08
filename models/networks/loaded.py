"""A network ready to predict: built in code, filled with verified weights, traced once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.answers import Answers, answers
from models.distribution import load_distribution
from models.errors import ModelInvalid
from models.networks.architectures import build
from models.networks.backend import import_keras
from models.networks.weights import load_weights
from models.networks.with_features import with_features
from models.version import ModelVersion
from models.views import Flip, averaged

FEWEST = 2
"""Pictures of a call. TensorFlow multiplies a matrix of one row by another routine, which adds up in another order: a
picture alone came out up to 1.3e-7 apart from the same one in company, and 4 of 128 (hidri-1) had another sixth
decimal. From 2 pictures on every probability was the same to the last bit, in calls of 2 to 64 and in any order."""


class LoadedNetwork:
    """One model version in memory. Not thread-safe: one process, one network, one caller."""

    def __init__(self, version: ModelVersion) -> None:
        self.version = version
        self._network, self._distribution = verified_network(version), None
        entry, data = version.manifest.distribution, version.verified_distribution()
        if entry is not None and data is not None:
            self._network, self._distribution = with_features(self._network, entry.layers), load_distribution(data)
            expected, received = self._network.output["features"].shape[-1], len(self._distribution.middle)
            if received != expected:
                raise ModelInvalid(
                    f"model {version.name}: expected a distribution of the {expected} channels of "
                    f"{', '.join(entry.layers)}, received one of {received}; restore the folder of the model version"
                )
        # XLA was slower on the CPU: 31 against 55 images/s in training, 225 against 359 in screening
        self._network.compile(jit_compile=False)

    def answers(self, pictures: NDArray[np.uint8]) -> Answers:
        """The probability of malignant for each picture, averaged over views and calibrated as the manifest says.

        Also of each class, and why a picture is not judged, where the version says it.
        What it says of a picture does not hang on the others of the call, so it can be found again.
        pictures: (n, size, size, 3), uint8. Returns probabilities (n,), 0..1.
        """
        manifest, features, count = self.version.manifest, [], len(pictures)
        if 0 < count < FEWEST:
            pictures = np.repeat(pictures, FEWEST, axis=0)

        def score(flip: Flip) -> NDArray[Any]:
            said = self._network.predict_on_batch(flip(pictures))
            if self._distribution is None:
                return np.asarray(said)[:count]
            features.append(said["features"][:count])
            return np.asarray(said["outputs"])[:count]

        found = answers(averaged(manifest.views, score), manifest.classes, manifest.calibration)
        if self._distribution is None or manifest.distribution is None:
            return found
        distances = self._distribution.distances(features[0])  # of the picture as it is: the first view
        return replace(found, strange=tuple(manifest.distribution.strange(float(away)) for away in distances))


def verified_network(version: ModelVersion) -> Any:
    """The keras model of a model version: built in code, its weights compared with their checksum and filled in.

    Raises ModelInvalid when the weights are missing, altered or of another shape.
    """
    import_keras()
    manifest = version.manifest
    network = build(manifest.architecture, manifest.input_size, manifest.classes.units)
    load_weights(network, version.verified_weights())
    return network


def load(version: ModelVersion) -> LoadedNetwork:
    """Load a model version.

    Raises ModelInvalid when its weights or its distribution are missing, altered or of another shape.
    """
    return LoadedNetwork(version)
