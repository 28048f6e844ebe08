"""The distribution of the training pictures, and how far from it is too far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.checksum import sha256_hex
from models.decoding import decode
from models.distribution import KEPT_SHARE, fit
from models.networks.architectures import build, distribution_layers
from models.networks.with_features import with_features
from models.preprocessing import EVENED, field_square, on_grey, preprocessing
from models.rounding import DECIMALS
from models.training.augment import augment, varied
from models.training.presets import FineTune, Preset
from models.training.split import Sample

FILE = "distribution.safetensors"
FITTED_ON = 2_000  # pictures of the train part, each as it is and altered: ten times the features
TOGETHER = 32
STORED = 224

Floats = NDArray[np.float64]


def measure_distribution(
    network: Any, data: Path, recipe: Preset | FineTune, parts: dict[str, list[Sample]], seed: int, units: int = 1
) -> tuple[dict[str, Any], bytes]:
    """Fit on the train part, choose the limit on the calibration part, report the test part.

    It is fitted on pictures as they are and as training alters them: another clinic's light and colour are not strange.
    Returns the manifest's ``distribution`` and the bytes of its file.
    """
    layers = distribution_layers(recipe.architecture)
    taught = build(recipe.architecture, recipe.input_size, units)  # free of what trained it
    taught.set_weights(network.get_weights())
    eyes = with_features(taught, layers)
    eyes.compile(jit_compile=False)
    random = np.random.default_rng(seed)
    chosen = [parts["train"][row] for row in random.permutation(len(parts["train"]))[:FITTED_ON]]
    plain, altered = _plain(data, chosen, recipe), _altered(data, chosen, recipe, random)
    distribution = fit(np.concatenate([_features(eyes, plain), _features(eyes, altered)]))
    distances = {
        part: distribution.distances(_features(eyes, _plain(data, parts[part], recipe)))
        for part in ("calibration", "test")
    }
    limit = round(float(np.quantile(distances["calibration"], KEPT_SHARE)), DECIMALS)
    written = distribution.dump()
    return {
        "file": FILE,
        "sha256": sha256_hex(written),
        "layers": list(layers),
        "limit": limit,
        "chosen_for": f"at most {1 - KEPT_SHARE:.1%} of good pictures sent to review",
        "chosen_on": "calibration part of the split",
        "fitted_on": len(chosen),
        "sent_to_review": {part: round(float((found > limit).mean()), DECIMALS) for part, found in distances.items()},
    }, written


def _features(eyes: Any, pictures: Iterator[NDArray[np.uint8]]) -> Floats:
    """(n, d) of pictures (size, size, 3)."""
    found = []
    while group := list(islice(pictures, TOGETHER)):
        found.append(np.asarray(eyes.predict_on_batch(np.stack(group))["features"], dtype=np.float64))
    return np.concatenate(found)


def _plain(data: Path, samples: Sequence[Sample], recipe: Preset | FineTune) -> Iterator[NDArray[np.uint8]]:
    prepare = preprocessing(recipe.preprocessing)
    return (prepare(_decoded(data, sample, recipe), recipe.input_size) for sample in samples)


def _altered(
    data: Path, samples: Sequence[Sample], recipe: Preset | FineTune, random: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    prepare = preprocessing(recipe.preprocessing)
    for sample in samples:
        rgb = _decoded(data, sample, recipe)
        if isinstance(recipe, FineTune):
            varied_disc = augment(field_square(rgb, STORED), recipe.input_size, random)
            yield on_grey(varied_disc, EVENED.get(recipe.preprocessing, 0.0))
        else:
            yield varied(Image.fromarray(prepare(rgb, recipe.input_size)), random)


def _decoded(data: Path, sample: Sample, recipe: Preset | FineTune) -> NDArray[np.uint8]:
    path = data / sample.image
    return decode(path.read_bytes(), path.suffix, at_least=recipe.input_size)
