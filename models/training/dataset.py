"""Training pictures through the very decoding and preprocessing that screening uses, cached after the first pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classes import BINARY, Classes
from models.decoding import decode
from models.networks.backend import import_keras
from models.preprocessing import preprocessing
from models.training.presets import FineTune, Preset
from models.training.split import Sample

Altered = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def dataset(
    data: Path,
    samples: Sequence[Sample],
    preset: Preset | FineTune,
    *,
    shuffle_seed: int | None = None,
    size: int | None = None,
    classes: Classes = BINARY,
    altered: Altered | None = None,
) -> Any:
    """A tf.data.Dataset of (pictures (n, size, size, 3) uint8, targets (n, units) float32) batches.

    ``size`` is in pixels; without it the preset's. ``altered`` changes a photograph before it is prepared. Decoded
    pictures are cached in memory after preprocessing: 49 KB each at 128x128.
    """
    import tensorflow as tf

    size = size or preset.input_size

    def read(image: Any) -> NDArray[np.uint8]:
        path = data / image.decode()
        rgb = decode(path.read_bytes(), path.suffix, at_least=size)
        return preprocessing(preset.preprocessing)(altered(rgb) if altered else rgb, size)

    def load(image: Any, label: Any) -> tuple[Any, Any]:
        picture = tf.numpy_function(read, [image], tf.uint8)
        picture.set_shape((size, size, 3))
        return picture, label

    names = [sample.image for sample in samples]
    rows = (
        tf.data.Dataset.from_tensor_slices((names, targets(samples, classes))).map(load, num_parallel_calls=2).cache()
    )
    if shuffle_seed is not None:
        rows = rows.shuffle(len(names), seed=shuffle_seed, reshuffle_each_iteration=True)
    return rows.batch(preset.batch_size).prefetch(2)


def go_through(shuffled: Any, epochs: int) -> None:
    """Bring a dataset to where so many epochs of ``fit`` leave it: a resumed run sees its pictures in the next order.

    By a fit that computes nothing, since how many orders an epoch draws is Keras's affair (two, in 3.15).
    """
    if not epochs:
        return
    keras = import_keras()

    # keras comes by import_keras(), so that to mypy its classes are Any
    class Reader(keras.Model):  # type: ignore[misc, name-defined]
        def train_step(self, _pictures: Any) -> dict[str, Any]:
            return {"loss": keras.ops.zeros(())}

    reader = Reader()
    reader.built = True
    reader.compile(jit_compile=False)
    reader.fit(shuffled, epochs=epochs, shuffle=False, verbose=0)


def targets(samples: Sequence[Sample], classes: Classes = BINARY) -> NDArray[np.float32]:
    """What the network should say: (n, 1), 0 or 1, or for several classes (n, classes), 1 for the true one."""
    labels = np.array([sample.label for sample in samples], dtype=np.int64)
    if not classes.several:
        return labels[:, None].astype(np.float32)
    return np.eye(len(classes.names), dtype=np.float32)[labels]


def class_weights(samples: Sequence[Sample], classes: Classes = BINARY) -> dict[int, float]:
    """Balanced weights n / (classes * n_class), so that a rare class counts as much as a common one."""
    labels = np.array([sample.label for sample in samples])
    count = len(classes.names)
    return {label: len(labels) / (count * int((labels == label).sum())) for label in range(count)}
