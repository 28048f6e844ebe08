"""Training from a folder of labelled images to a model version with measured numbers."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.checksum import sha256_hex
from models.errors import ImageRefused, UsageFault
from models.manifest import FORMAT
from models.networks.architectures import build
from models.networks.backend import import_keras, library_versions
from models.networks.weights import dump_weights
from models.preprocessing import prepare
from models.rounding import DECIMALS
from models.training.callbacks import Progress, Tell, recipe_callbacks
from models.training.dataset import class_weights, dataset
from models.training.measure import metrics, operating_points
from models.training.presets import FineTune, Preset, preset
from models.training.split import LABELS, PARTS, Sample, read_groups, split, split_csv


@dataclass(frozen=True)
class Order:
    """What to train: data folder (with benign/ and malignant/), groups of copies, where to, and from which seed."""

    architecture: str
    data: Path
    output: Path
    name: str
    groups: Path | None = None
    epochs: int | None = None
    seed: int = 7
    resume: bool = False


def train(order: Order, progress: Progress) -> Path:
    """Train, choose thresholds, measure, write a model version to ``order.output`` and return that folder.

    Raises UsageFault when the data cannot be trained on or when a run exists that is not to be resumed.
    """
    recipe = preset(order.architecture)
    if order.epochs is not None:
        recipe = replace(recipe, epochs=order.epochs)
    run = order.output / "run"
    if (run / "state.json").exists() and not order.resume:
        raise UsageFault(f"{run} holds an earlier run; add --resume to go on with it or name another --output")
    run.mkdir(parents=True, exist_ok=True)

    keras = import_keras()
    keras.utils.set_random_seed(order.seed)
    keras.config.disable_interactive_logging()
    _make_deterministic(keras)
    samples = split(order.data, read_groups(order.groups), order.seed)
    parts = {part: [sample for sample in samples if sample.part == part] for part in PARTS}
    _check(parts)
    _check_pictures(order.data, samples, recipe)
    _keep_split(run, split_csv(samples))
    started = time.monotonic()
    if isinstance(recipe, FineTune):
        from models.training.finetune import finetune

        network, history = finetune(order.data, order.seed, recipe, parts, run, progress)
    else:
        network, history = _fit(order, recipe, parts, run, progress)
    weights = dump_weights(network)
    scores = {part: _score(network, order.data, parts[part], recipe) for part in ("calibration", "test")}
    points = operating_points(scores["calibration"], scores["test"])
    manifest = {
        "format": FORMAT,
        "name": order.name,
        "architecture": recipe.architecture,
        "input_size": recipe.input_size,
        "preprocessing": recipe.preprocessing,
        "labels": list(LABELS),
        "intended_use": "Research software; a screening aid, not a diagnosis and not a medical device.",
        "calibration": {"method": "none"},
        "operating_points": points,
        # too few malignant images promise no sensitivity (73 in the calibration part promise 95 %)
        "default_operating_point": "sensitivity-95" if "sensitivity-95" in points else "f1",
        "metrics": {part: metrics(*score) for part, score in scores.items()},
        "training": {
            "recipe": asdict(recipe),
            "seed": order.seed,
            "epochs_run": len(history),
            "history": [{key: round(value, DECIMALS) for key, value in row.items()} for row in history],
            "seconds": round(time.monotonic() - started),
            "images": {part: len(rows) for part, rows in parts.items()},
            "groups": len({sample.group for sample in samples}),
            "libraries": library_versions(),
        },
        "weights": {
            "file": "weights.safetensors",
            "sha256": sha256_hex(weights),
            "parameters": network.count_params(),
        },
        "split": {"file": "split.csv", "sha256": sha256_hex(split_csv(samples).encode())},
    }
    _write(order.output, manifest, weights, split_csv(samples))
    return order.output


def _check(parts: dict[str, list[Sample]]) -> None:
    for part, rows in parts.items():
        for label, name in enumerate(LABELS):
            if all(sample.label != label for sample in rows):
                raise UsageFault(f"too few images: the part {part} of the split got none from {name}/; add images")


def _check_pictures(data: Path, samples: list[Sample], recipe: Preset | FineTune) -> None:
    """Once through all of them (0.8 ms each): TensorFlow would pass on the text of a refusal inside a traceback."""
    for sample in samples:
        path = data / sample.image
        try:
            prepare(path.read_bytes(), path.suffix, recipe.preprocessing, recipe.input_size)
        except ImageRefused as refusal:
            raise UsageFault(f"{sample.image} cannot be trained on ({refusal}); mend it or take it out") from refusal


def _keep_split(run: Path, text: str) -> None:
    """A run that went on with another split would be measured on images that it was trained on."""
    kept = run / "split.csv"
    if (run / "state.json").exists() and kept.exists() and kept.read_text(encoding="utf-8") != text:
        raise UsageFault(f"{run} was begun with other images, groups or seed; resume with those or name another output")
    kept.write_text(text, encoding="utf-8")


def _make_deterministic(keras: Any) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def _fit(
    order: Order, recipe: Preset, parts: dict[str, list[Sample]], run: Path, progress: Progress
) -> tuple[Any, list[dict[str, float]]]:
    keras = import_keras()
    network = build(recipe.architecture, recipe.input_size)
    # augmentation stands before the network, not in it: what is screened with carries none of it
    augment = [
        keras.layers.RandomFlip("horizontal_and_vertical", seed=order.seed),
        keras.layers.RandomRotation(recipe.rotation, seed=order.seed + 1),
        keras.layers.RandomZoom(recipe.zoom, seed=order.seed + 2),
    ]
    picture = keras.Input((recipe.input_size, recipe.input_size, 3))
    trained = keras.Sequential([picture, *augment, network])
    trained.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
        jit_compile=False,  # XLA on the CPU: 31 images/s against 55
    )
    training = dataset(order.data, parts["train"], recipe, shuffle_seed=order.seed)
    validation = dataset(order.data, parts["validation"], recipe)
    callbacks, remember = recipe_callbacks(recipe, run)
    steps = -(-len(parts["train"]) // recipe.batch_size)
    trained.fit(
        training,
        validation_data=validation,
        epochs=recipe.epochs,
        class_weight=class_weights(parts["train"]),
        shuffle=False,  # the dataset shuffles itself
        callbacks=[*callbacks, Tell(progress, recipe.epochs, steps)],
        verbose=0,
    )
    trained.load_weights(str(run / "best.weights.h5"))
    return network, remember.history


def _score(
    network: Any, data: Path, samples: list[Sample], recipe: Preset | FineTune
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and probabilities of a part, rounded as they are stored, so that a report recomputes to the digit."""
    network.compile(jit_compile=False)
    probabilities = network.predict(dataset(data, samples, recipe), verbose=0).reshape(-1).astype(np.float64)
    return np.array([sample.label for sample in samples]), np.round(probabilities, DECIMALS)


def _write(folder: Path, manifest: dict[str, Any], weights: bytes, split_text: str) -> None:
    """Weights and split first, the manifest last and by rename: a folder with a manifest is whole."""
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "split.csv").write_text(split_text, encoding="utf-8")
    partial = folder / "manifest.json.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / "manifest.json")
