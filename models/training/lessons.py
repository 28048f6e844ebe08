"""The pictures that teach a network that is fine-tuned, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.preprocessing import on_grey
from models.training.augment import augment
from models.training.presets import OWN, FineTune, Phase


@dataclass(frozen=True)
class Lessons:
    """squares: (n, side, side, 3), uint8, n at least 1; labels: (n, units), what the network should say of each."""

    recipe: FineTune
    squares: NDArray[np.uint8]
    labels: NDArray[np.float32]
    seed: int

    @property
    def batch(self) -> int:
        """Pictures of a step: the recipe's, or all of them where there are fewer."""
        return min(self.recipe.batch_size, len(self.labels))

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return len(self.labels) // self.batch

    def batches(self, phase: Phase, before: int, first: int) -> Any:
        """Endless tf.data.Dataset of augmented batches, from the epoch `first` of the phase on.

        `before`: epochs that led to where the phase begins. Each picture's variant follows from seed, epoch and
        position.
        """
        import tensorflow as tf

        shapes = (self.batch, phase.size, phase.size, 3), (self.batch, self.labels.shape[1])
        signature = (tf.TensorSpec(shapes[0], tf.uint8), tf.TensorSpec(shapes[1], tf.float32))
        return tf.data.Dataset.from_generator(
            lambda: self.rows(phase, before, first), output_signature=signature
        ).prefetch(2)

    def rows(self, phase: Phase, before: int, first: int) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        """What the batches hold: pictures (batch, size, size, 3) and labels (batch, units), without an end."""
        for epoch in count(first):
            random = np.random.default_rng((self.seed, before + epoch + 1_000))
            strength = phase.strength_in(epoch)
            order = random.permutation(len(self.labels))
            for start in range(0, self.steps * self.batch, self.batch):
                chosen = order[start : start + self.batch]
                varied = (augment(self.squares[row], phase.size, random, strength, phase.zoom_from) for row in chosen)
                pictures = [_lit(picture, phase, random) for picture in varied]
                yield np.stack(pictures), self.labels[chosen]


def _lit(picture: NDArray[np.uint8], phase: Phase, random: np.random.Generator) -> NDArray[np.uint8]:
    """A picture on grey in the light that the phase says."""
    if phase.light == OWN:
        return picture
    return on_grey(picture, 1.0 if random.random() < 0.5 else random.random())
