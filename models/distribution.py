"""Is this picture anything like those that the network learned from? If not, its probability means nothing.

A network says 0.95 of a face as calmly as of a melanoma. What gives the face away are the means of the channels in the
early and middle layers: in those the training pictures fill a small, nearly Gaussian cloud, and everything else lies
far off. The distance is Mahalanobis' (1936), on the layers' channel means after K. Lee et al., A Simple Unified
Framework for Detecting Out-of-Distribution Samples (NeurIPS 2018), with one cloud for all classes. The last layer,
which most people try first, is of no use: it was taught to forget what does not part the classes (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.errors import ModelInvalid

Floats = NDArray[np.float64]

FLOOR = 1e-3  # of the largest variance along a principal axis: narrower ones would be noise magnified
FAR = 1.1  # of the limit: few lesions are beyond it by being out of focus alone (docs/experiments.md)
KEPT_SHARE = 0.985  # of the calibration part: what lies farther out is sent to a person


@dataclass(frozen=True)
class Distribution:
    """The cloud of the training pictures: its middle (d,) and what turns an offset (d,) into a length.

    That of a training picture is 1 at most in the square mean: less the more of the axes are narrower than `FLOOR`.
    """

    middle: Floats
    whitening: Floats  # (d, d)

    def distances(self, features: NDArray[Any]) -> Floats:
        """features: (n, d), of `models.networks.with_features`. Returns (n,), 0 and above, mostly below 1 for those
        of training pictures."""
        offsets = (np.asarray(features, dtype=np.float64) - self.middle) @ self.whitening
        distances: Floats = np.sqrt(np.mean(offsets**2, axis=1))
        return distances

    def dump(self) -> bytes:
        """As safetensors bytes, float32."""
        tensors = {"middle": self.middle, "whitening": self.whitening}
        return bytes(save({name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}))


def fit(features: NDArray[Any]) -> Distribution:
    """The distribution of (n, d) features, n well above d."""
    values = np.asarray(features, dtype=np.float64)
    middle, spread = values.mean(axis=0), values.std(axis=0) + 1e-6
    variances, axes = np.linalg.eigh(np.cov((values - middle).T / spread[:, None]))
    lengths = np.sqrt(np.maximum(variances, 0.0) + FLOOR * variances.max())
    return Distribution(middle, axes / spread[:, None] / lengths)


def load_distribution(data: bytes) -> Distribution:
    """Read what `Distribution.dump` wrote. Raises ModelInvalid."""
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelInvalid(f"the distribution is not safetensors: {error}") from error
    middle, whitening = tensors.get("middle"), tensors.get("whitening")
    if middle is None or whitening is None or middle.ndim != 1 or whitening.shape != 2 * middle.shape:
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        raise ModelInvalid(f"the distribution: expected middle (d) and whitening (d, d), received {shapes}")
    return Distribution(middle.astype(np.float64), whitening.astype(np.float64))


class Strange(NamedTuple):
    """A picture unlike all that the network learned from: the reason, and whether it is so by far."""

    reason: str
    far: bool


@dataclass(frozen=True)
class DistributionEntry:
    """What the manifest says of it: the file beside it, which layers are looked at, and how far is too far."""

    file: str
    sha256: str
    layers: tuple[str, ...]
    limit: float

    def strange(self, distance: float) -> Strange | None:
        """Why a picture at this distance is not judged, or None."""
        if distance <= self.limit:
            return None
        reason = (
            f"unlike the pictures that the network learned from: distance {distance:.2f}, "
            f"expected at most {self.limit:.2f}"
        )
        return Strange(reason, far=distance > FAR * self.limit)
