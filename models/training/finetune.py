"""Fine-tuning of a network that starts with ImageNet's weights: first its outputs, then all but the first blocks.

The statistics, scales and offsets of batch normalisation stay ImageNet's: a batch of one clinic's pictures would draw
them to that clinic, and on a CPU a step takes half as long (33 against 18 images/s at 160x160 on one core).
The weights kept are the running average over the last steps (Polyak and Juditsky, 1992) at the end of a cosine decay
(Loshchilov and Hutter, arXiv:1608.03983), so no epoch is picked, and what would be kept for that is trained on.
Several classes are weighted, since some are rare, and the probabilities are made those of the data again afterwards.
So are benign and malignant where they are further apart than 60:40; of the collection that the recipes were made for
47 % of the images are malignant.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from models.training.callbacks import Progress, Tell, finetune_callbacks, remembered
from models.training.dataset import class_weights, dataset, targets
from models.training.imagenet import assign_imagenet, imagenet_tensors
from models.training.lessons import Lessons
from models.training.objective import accuracy, as_frequent_as_they_are, auc, loss
from models.training.presets import FineTune, Phase
from models.training.run_folder import HEAD
from models.training.split import Sample

COMMON = 0.6  # share of the images above which one of two classes is so common that both are weighted
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
    network = build(recipe.architecture, recipe.phases[0].size, classes.units)
    assign_imagenet(network, imagenet_tensors(recipe.architecture))
    # nothing is picked by a validation part, so its images teach too; the calibration part only tells how it goes
    taught = [*parts["train"], *parts["validation"]]
    lessons = Lessons(recipe, _squares(data, taught, recipe), targets(taught, classes), seed)
    weights = _weights(taught, classes)

    def fit(network: Any, epochs: int, kept: Path, **how: Any) -> None:
        network.fit(
            steps_per_epoch=lessons.steps,
            epochs=epochs,
            class_weight=weights,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
            **how,
        )
        partial = kept.with_name("partial.weights.h5")
        network.save_weights(str(partial))
        partial.replace(kept)  # so that what is there under its name is whole

    total, history = recipe.head_epochs + recipe.epochs, list[dict[str, float]]()
    _thaw(network, None)
    head = run / HEAD
    if head.exists():
        network.load_weights(str(head))
    else:
        _compile(network, recipe, classes, recipe.head_rate)
        batches = lessons.batches(recipe.phases[0], 0, -recipe.head_epochs)
        fit(network, recipe.head_epochs, head, x=batches, callbacks=[Tell(progress, total, lessons.steps)])

    begun, before = network.get_weights(), 0  # where a phase begins: its weights, and the epochs that led there
    for number, phase in enumerate(recipe.phases, start=1):
        folder = run if number == 1 else run / f"phase-{number}"
        folder.mkdir(exist_ok=True)
        network = _at_size(network, recipe, classes, phase.size)
        left = network.get_weights()
        if phase.beside:
            network.set_weights(begun)
        else:
            begun, before = left, len(history)
        averaged = folder / "averaged.weights.h5"
        if averaged.exists() and len(remembered(folder)) >= phase.epochs:  # an earlier run may have had fewer
            network.load_weights(str(averaged))
        else:
            _thaw(network, recipe.frozen_blocks)
            _compile(network, recipe, classes, _descent(phase, recipe, lessons.steps), average=True)
            callbacks, remember = finetune_callbacks(folder)
            fit(
                network,
                phase.epochs,
                averaged,
                x=lessons.batches(phase, before, remember.epochs_done()),
                validation_data=dataset(data, parts["calibration"], recipe, size=phase.size, classes=classes),
                callbacks=[*callbacks, Tell(progress, total, lessons.steps, before=recipe.head_epochs + len(history))],
            )
        both = zip(left, network.get_weights(), strict=True)
        network.set_weights([old + phase.share * (new - old) for old, new in both])
        history += remembered(folder)
    network = _at_size(network, recipe, classes, recipe.input_size)
    if weights is not None:
        as_frequent_as_they_are(network, weights)
    round_kernels(network)
    return network, history


def _weights(taught: Sequence[Sample], classes: Classes) -> dict[int, float] | None:
    """By the number of the class; none where benign and malignant are about as frequent."""
    malignant = sum(sample.label for sample in taught) / len(taught)
    near = not classes.several and max(malignant, 1 - malignant) <= COMMON
    return None if near else class_weights(taught, classes)


def _at_size(network: Any, recipe: FineTune, classes: Classes, size: int) -> Any:
    """The same network for pictures of `size` pixels a side."""
    other = build(recipe.architecture, size, classes.units)
    other.set_weights(network.get_weights())
    return other


def _descent(phase: Phase, recipe: FineTune, steps: int) -> Any:
    """The learning rate by step: up to the phase's, then along a cosine to 0."""
    warmup = min(recipe.warmup_steps, phase.epochs * steps // 5)
    return import_keras().optimizers.schedules.CosineDecay(
        0.0, phase.epochs * steps - warmup, warmup_target=phase.learning_rate, warmup_steps=warmup
    )


def _squares(data: Path, samples: Sequence[Sample], recipe: FineTune) -> NDArray[np.uint8]:
    """(n, STORED, STORED, 3): the square around each lit field, cropped further and turned only by augmentation."""
    squares = np.empty((len(samples), STORED, STORED, 3), np.uint8)
    for index, sample in enumerate(samples):
        path = data / sample.image
        squares[index] = field_square(decode(path.read_bytes(), path.suffix, at_least=recipe.input_size), STORED)
    return squares


def _thaw(network: Any, frozen_blocks: int | None) -> None:
    """Leave trainable the blocks from `frozen_blocks` on (None: nothing but the outputs), never a normalisation."""
    thawed = False
    for layer in network.layers:
        thawed = thawed or layer is network.layers[-1] or layer.name.startswith(f"block_{frozen_blocks}_")
        layer.trainable = thawed and not layer.name.endswith("norm")


def _compile(network: Any, recipe: FineTune, classes: Classes, rate: Any, average: bool = False) -> None:
    optimizer = import_keras().optimizers.AdamW(
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
