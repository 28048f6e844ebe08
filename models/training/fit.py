"""Training from a folder of labelled images to a model version with measured numbers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from models.calibration import ISOTONIC
from models.classes import Classes
from models.errors import ImageRefused, UsageFault
from models.networks.architectures import build
from models.networks.backend import import_keras
from models.preprocessing import prepare
from models.training.callbacks import Progress, Tell, recipe_callbacks, remembered, seconds_spent, stopped_early
from models.training.class_folders import class_folders
from models.training.dataset import class_weights, dataset, go_through
from models.training.objective import auc, loss
from models.training.order import Order
from models.training.presets import FineTune, Preset
from models.training.publish import publish
from models.training.run_folder import expect_to_go_on, keep
from models.training.split import PARTS, Sample, read_groups, split, split_csv


def train(order: Order, progress: Progress) -> Path:
    """Train, choose thresholds, measure, write a model version to ``order.output`` and return that folder.

    Raises UsageFault when the data cannot be trained on or when a run exists that is not to be resumed.
    """
    recipe = order.recipe
    classes = class_folders(order.data, order.malignant)
    if classes.several and order.calibration == ISOTONIC:
        raise UsageFault("isotonic calibration is for one probability: several classes take --calibration temperature")
    run = order.output / "run"
    expect_to_go_on(run, recipe, order.resume)
    run.mkdir(parents=True, exist_ok=True)

    keras = import_keras()
    keras.utils.set_random_seed(order.seed)
    keras.config.disable_interactive_logging()
    _make_deterministic(keras)
    samples = split(order.data, read_groups(order.groups), order.seed, classes)
    parts = {part: [sample for sample in samples if sample.part == part] for part in PARTS}
    _check(parts, classes)
    _check_pictures(order.data, samples, recipe)
    keep(run, recipe, split_csv(samples, classes))
    started = time.monotonic() - seconds_spent(run)
    if isinstance(recipe, FineTune):
        from models.training.finetune import finetune

        network, history = finetune(order.data, order.seed, recipe, parts, classes, run, progress)
    else:
        network, history = _fit(order, recipe, parts, classes, run, progress)
    publish(order, recipe, network, classes, samples, history, time.monotonic() - started)
    return order.output


def _check(parts: dict[str, list[Sample]], classes: Classes) -> None:
    for part, rows in parts.items():
        for label, name in enumerate(classes.names):
            if all(sample.label != label for sample in rows):
                raise UsageFault(
                    f"too few images in {name}/: expected at least {len(PARTS)} that are no copies of one another or "
                    f"of images of another class, one for each part of the split; {part} got none; add images"
                )


def _check_pictures(data: Path, samples: list[Sample], recipe: Preset | FineTune) -> None:
    """Once through all of them (0.8 ms each): TensorFlow would pass on the text of a refusal inside a traceback."""
    for sample in samples:
        path = data / sample.image
        try:
            prepare(path.read_bytes(), path.suffix, recipe.preprocessing, recipe.input_size)
        except ImageRefused as refusal:
            raise UsageFault(f"{sample.image} cannot be trained on ({refusal}); mend it or take it out") from refusal


def _make_deterministic(keras: Any) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _fit(
    order: Order, recipe: Preset, parts: dict[str, list[Sample]], classes: Classes, run: Path, progress: Progress
) -> tuple[Any, list[dict[str, float]]]:
    keras = import_keras()
    network = build(recipe.architecture, recipe.input_size, classes.units)
    # augmentation stands before the network, not in it: what is screened with carries none of it
    augment = _augmentation(recipe, order.seed)
    picture = keras.Input((recipe.input_size, recipe.input_size, 3))
    trained = keras.Sequential([picture, *augment, network])
    trained.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss=loss(classes),
        metrics=[auc(classes)],
        jit_compile=False,  # XLA on the CPU: 31 images/s against 55
    )
    if stopped_early(run):
        trained.optimizer.build(trained.trainable_variables)  # its state is kept with the weights
    else:
        _epochs(trained, order, recipe, parts, classes, run, progress)
    trained.load_weights(str(run / "best.weights.h5"))
    return network, remembered(run)


def _epochs(
    trained: Any,
    order: Order,
    recipe: Preset,
    parts: dict[str, list[Sample]],
    classes: Classes,
    run: Path,
    progress: Progress,
) -> None:
    """Those that are left of the recipe's; the best and the history are kept in the run's folder."""
    training = dataset(order.data, parts["train"], recipe, shuffle_seed=order.seed, classes=classes)
    validation = dataset(order.data, parts["validation"], recipe, classes=classes)
    callbacks, remember = recipe_callbacks(recipe, run)
    steps = -(-len(parts["train"]) // recipe.batch_size)
    go_through(training, remember.epochs_done())
    trained.fit(
        training,
        validation_data=validation,
        epochs=recipe.epochs,
        class_weight=class_weights(parts["train"], classes),
        shuffle=False,  # the dataset shuffles itself
        callbacks=[*callbacks, Tell(progress, recipe.epochs, steps)],
        verbose=0,
    )


def _augmentation(recipe: Preset, seed: int) -> list[Any]:
    """The layers that vary a training picture, each with a seed of its own; none for what the recipe does not do."""
    layers = import_keras().layers
    flips = [layers.RandomFlip("horizontal_and_vertical", seed=seed)] if recipe.flips else []
    turns = [layers.RandomRotation(recipe.rotation, seed=seed + 1)] if recipe.rotation else []
    zooms = [layers.RandomZoom(recipe.zoom, seed=seed + 2)] if recipe.zoom else []
    return [*flips, *turns, *zooms]
