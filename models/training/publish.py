"""From a trained network to a model version: calibrated, its thresholds chosen, measured, and written."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.answers import answers
from models.calibration import TEMPERATURE, UNCALIBRATED, Calibration, fit, fit_class_temperature
from models.checksum import sha256_hex
from models.classes import Classes
from models.evaluation.bootstrap import METHOD
from models.evaluation.class_measurement import measure_classes
from models.manifest import FORMAT
from models.networks.backend import library_versions
from models.networks.weights import dump_weights
from models.ring import dark_ring
from models.rounding import DECIMALS
from models.training.data_notes import described
from models.training.dataset import dataset
from models.training.distribution import FILE, measure_distribution
from models.training.measure import default_point, metrics, operating_points
from models.training.order import Order
from models.training.presets import FineTune, Preset
from models.training.split import LABELS, PARTS, Sample, split_csv
from models.views import Flip, averaged
from models.whole_file import whole_file, write_whole

INTENDED_USE = "Research software; a screening aid, not a diagnosis and not a medical device."

RINGED = "test_ringed"
"""The test part with a dark ring drawn on every image (`models.ring`): it must not change what the network says."""


def publish(
    order: Order,
    recipe: Preset | FineTune,
    network: Any,
    classes: Classes,
    samples: list[Sample],
    history: list[dict[str, float]],
    seconds: float,
) -> None:
    """Write the model version. Calibration and thresholds come from the calibration part, the test part is reported.

    The references' recipes stay uncalibrated unless the order says otherwise, as their notebooks are. Of several
    classes, thresholds are chosen and metrics measured on the probability of malignant; each class is measured too.
    """
    parts = {part: [sample for sample in samples if sample.part == part] for part in PARTS}
    weights = dump_weights(network)
    measured = {part: parts[part] for part in ("calibration", "test")} | {RINGED: parts["test"]}
    network.compile(jit_compile=False)  # once: each time TensorFlow traces the network anew, and warns of it
    outputs = {
        part: _outputs(network, order, rows, recipe, classes, ringed=part == RINGED) for part, rows in measured.items()
    }
    calibration = _fitted(
        order.calibration or recipe.default_calibration, classes, _labels(parts["calibration"]), outputs["calibration"]
    )
    said = {part: answers(found, classes, calibration) for part, found in outputs.items()}
    scores = {
        part: (classes.malignant_labels(_labels(measured[part])), np.round(found.malignant, DECIMALS))
        for part, found in said.items()
    }
    points = operating_points(scores["calibration"], {part: scores[part] for part in ("test", RINGED)})
    distribution, distribution_file = measure_distribution(
        network, order.data, recipe, parts, order.seed, classes.units
    )
    split_text = split_csv(samples, classes)
    manifest = {
        "format": FORMAT,
        "name": order.name,
        "architecture": recipe.architecture,
        "input_size": recipe.input_size,
        "preprocessing": recipe.preprocessing,
        "labels": list(LABELS),
        **classes.as_json(),
        "intended_use": INTENDED_USE,
        "views": order.views,
        "calibration": calibration.as_json(),
        "distribution": distribution,
        "operating_points": points,
        "default_operating_point": default_point(points),
        "metrics": {
            part: metrics(*score, [sample.group for sample in measured[part]]) for part, score in scores.items()
        },
        "intervals_of_metrics": METHOD,
        **_class_metrics(classes, parts["test"], said["test"].of_classes),
        "data": described(order.data, samples, classes, order.data_notes),
        "training": {
            "recipe": asdict(recipe),
            "seed": order.seed,
            "epochs_run": len(history),
            "history": [{key: round(value, DECIMALS) for key, value in row.items()} for row in history],
            "seconds": round(seconds),
            "images": {part: len(rows) for part, rows in parts.items()},
            "groups": len({sample.group for sample in samples}),
            "libraries": library_versions(),
        },
        "weights": {
            "file": "weights.safetensors",
            "sha256": sha256_hex(weights),
            "parameters": network.count_params(),
        },
        "split": {"file": "split.csv", "sha256": sha256_hex(split_text.encode())},
    }
    files = {"weights.safetensors": weights, FILE: distribution_file, "split.csv": split_text.encode()}
    _write(order.output, manifest, files)


def _labels(samples: list[Sample]) -> NDArray[np.int64]:
    return np.array([sample.label for sample in samples])


def _outputs(
    network: Any,
    order: Order,
    samples: list[Sample],
    recipe: Preset | FineTune,
    classes: Classes,
    *,
    ringed: bool = False,
) -> NDArray[np.float64]:
    """What the network puts out for a part, (n, units), before calibration, over the views that screening looks at."""
    altered = dark_ring if ringed else None
    pictures = dataset(order.data, samples, recipe, classes=classes, altered=altered)

    def score(flip: Flip) -> NDArray[Any]:
        return np.asarray(network.predict(pictures.map(lambda seen, label: (flip(seen), label)), verbose=0))

    return averaged(order.views, score)


def _fitted(method: str, classes: Classes, labels: NDArray[np.int64], outputs: NDArray[np.float64]) -> Calibration:
    if not classes.several:
        return fit(method, labels, outputs.reshape(-1))
    return fit_class_temperature(labels, outputs) if method == TEMPERATURE else UNCALIBRATED


def _class_metrics(
    classes: Classes, samples: list[Sample], probabilities: NDArray[np.float64] | None
) -> dict[str, Any]:
    """The manifest's ``class_metrics``, of the test part; none where the network is binary."""
    if probabilities is None:
        return {}
    groups = [sample.group for sample in samples]
    rounded = np.round(probabilities, DECIMALS)  # as they are stored
    return {"class_metrics": {"test": measure_classes(_labels(samples), rounded, groups, classes).as_json()}}


def _write(folder: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    """The files first, the manifest last, each whole: a folder with a manifest is whole."""
    for name, data in files.items():
        write_whole(folder / name, data)
    with whole_file(folder / "manifest.json") as file:
        json.dump(manifest, file, indent=2)
        file.write("\n")
