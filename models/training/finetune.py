"""Fine-tuning of a network that starts with ImageNet's weights: first its outputs, then all but the first blocks.

The statistics, scales and offsets of batch normalisation stay ImageNet's: a batch of one clinic's pictures would draw
them to that clinic, and on a CPU a step takes half as long (33 against 18 images/s at 160x160 on one core).
The weights kept are the running average over the last steps (Polyak and Juditsky, 1992) at the end of a cosine decay
(Loshchilov and Hutter, arXiv:1608.03983), so no epoch is picked, and what would be kept for that is trained on.
Several classes are weighted, since some are rare, and the probabilities are made those of the data again afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classes import Classes
from models.decoding import decode
from models.networks.architectures import build
from models.networks.backend import import_keras
from models.networks.weights import round_kernels
from models.preprocessing import field_square
from models.training.augment import augment
from models.training.callbacks import Progress, Tell, finetune_callbacks
from models.training.dataset import class_weights, dataset, targets
from models.training.imagenet import assign_imagenet, imagenet_tensors
from models.training.objective import accuracy, as_frequent_as_they_are, auc, loss
from models.training.presets import FineTune
from models.training.split import Sample

STORED = 224  # side in pixels of the squares kept in memory, 150 KB each


def finetune(
    data: Path,
    seed: int,
    recipe: FineTune,
    parts: dict[str, list[Sample]],
    classes: Classes,
    run: Path,
    progress: Progress,
) -> tuple[Any, list[dict[str, float]]]:
    """Train by a FineTune recipe; a run that was interrupted goes on from its last whole epoch.

    Returns the network at the size it screens with and the history by epoch. Raises UsageFault without the weights.
    """
    keras = import_keras()
    network = build(recipe.architecture, recipe.training_size, classes.units)
    assign_imagenet(network, imagenet_tensors(recipe.architecture))
    # nothing is picked by a validation part, so its images teach too; the calibration part only tells how it goes
    taught = [*parts["train"], *parts["validation"]]
    squares = _squares(data, taught, recipe)
    labels = targets(taught, classes)
    weights = class_weights(taught, classes) if classes.several else None
    head, epochs = run / "head.weights.h5", recipe.head_epochs + recipe.epochs
    steps = max(1, len(labels) // recipe.batch_size)

    _thaw(network, None)
    if head.exists():
        network.load_weights(str(head))
    else:
        _compile(keras, network, recipe, classes, recipe.head_rate)
        network.fit(
            _batches(squares, labels, recipe, seed, -recipe.head_epochs),
            steps_per_epoch=steps,
            epochs=recipe.head_epochs,
            class_weight=weights,
            shuffle=False,  # the batches are shuffled already
            callbacks=[Tell(progress, epochs, steps)],
            verbose=0,
        )
        network.save_weights(str(head))

    _thaw(network, recipe.frozen_blocks)
    warmup = min(recipe.warmup_steps, recipe.epochs * steps // 5)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, recipe.epochs * steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )
    _compile(keras, network, recipe, classes, rate, average=True)
    callbacks, remember = finetune_callbacks(run)
    network.fit(
        _batches(squares, labels, recipe, seed, remember.epochs_done()),
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        class_weight=weights,
        shuffle=False,
        validation_data=dataset(data, parts["calibration"], recipe, size=recipe.training_size, classes=classes),
        callbacks=[*callbacks, Tell(progress, epochs, steps, before=recipe.head_epochs)],
        verbose=0,
    )
    screening = build(recipe.architecture, recipe.input_size, classes.units)
    screening.set_weights(network.get_weights())
    if weights is not None:
        as_frequent_as_they_are(screening, weights)
    round_kernels(screening)
    return screening, remember.history


def _squares(data: Path, samples: Sequence[Sample], recipe: FineTune) -> NDArray[np.uint8]:
    """(n, STORED, STORED, 3): the square around each lit field, cropped further and turned only by augmentation."""
    squares = np.empty((len(samples), STORED, STORED, 3), np.uint8)
    for index, sample in enumerate(samples):
        path = data / sample.image
        squares[index] = field_square(decode(path.read_bytes(), path.suffix, at_least=recipe.input_size), STORED)
    return squares


def _batches(
    squares: NDArray[np.uint8], labels: NDArray[np.float32], recipe: FineTune, seed: int, first_epoch: int
) -> Any:
    """Endless tf.data.Dataset of augmented batches; each picture's variant follows from seed, epoch and position.

    labels: (n, units), what the network should say.
    """
    import tensorflow as tf

    size, batch = recipe.training_size, recipe.batch_size

    def rows() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        epoch = first_epoch
        while True:
            random = np.random.default_rng((seed, epoch + 1_000))
            strength = recipe.settle_strength if epoch >= recipe.epochs - recipe.settle_epochs else 1.0
            order = random.permutation(len(labels))
            for start in range(0, len(order) - batch + 1, batch):
                chosen = order[start : start + batch]
                yield np.stack([augment(squares[row], size, random, strength) for row in chosen]), labels[chosen]
            epoch += 1

    signature = (tf.TensorSpec((batch, size, size, 3), tf.uint8), tf.TensorSpec((batch, labels.shape[1]), tf.float32))
    return tf.data.Dataset.from_generator(rows, output_signature=signature).prefetch(2)


def _thaw(network: Any, frozen_blocks: int | None) -> None:
    """Leave trainable the blocks from `frozen_blocks` on (None: nothing but the outputs), never a normalisation."""
    thawed = False
    for layer in network.layers:
        thawed = thawed or layer is network.layers[-1] or layer.name.startswith(f"block_{frozen_blocks}_")
        layer.trainable = thawed and not layer.name.endswith("norm")


def _compile(keras: Any, network: Any, recipe: FineTune, classes: Classes, rate: Any, average: bool = False) -> None:
    optimizer = keras.optimizers.AdamW(
        rate,
        weight_decay=recipe.weight_decay,
        global_clipnorm=1.0,
        use_ema=average,
        ema_momentum=recipe.average_momentum,
    )
    network.compile(
        optimizer,
        loss=loss(classes, recipe.label_smoothing),
        metrics=[auc(classes, thresholds=1000), accuracy(classes)],
        jit_compile=False,
    )
