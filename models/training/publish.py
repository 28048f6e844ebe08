"""From a trained network to a model version: calibrated, its thresholds chosen, measured, and written."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration import NONE, TEMPERATURE, fit
from models.checksum import sha256_hex
from models.manifest import FORMAT
from models.networks.backend import library_versions
from models.networks.weights import dump_weights
from models.ring import dark_ring
from models.rounding import DECIMALS
from models.training.data_notes import described
from models.training.dataset import dataset
from models.training.measure import metrics, operating_points
from models.training.order import Order
from models.training.presets import FineTune, Preset
from models.training.split import LABELS, PARTS, Sample, split_csv
from models.views import Flip, averaged

INTENDED_USE = "Research software; a screening aid, not a diagnosis and not a medical device."

RINGED = "test_ringed"
"""The test part with a dark ring drawn on every image (`models.ring`): it must not change what the network says."""


def publish(
    order: Order,
    recipe: Preset | FineTune,
    network: Any,
    samples: list[Sample],
    history: list[dict[str, float]],
    seconds: float,
) -> None:
    """Write the model version. Calibration and thresholds come from the calibration part, the test part is reported.

    The references' recipes stay uncalibrated unless the order says otherwise, as their notebooks are.
    """
    parts = {part: [sample for sample in samples if sample.part == part] for part in PARTS}
    weights = dump_weights(network)
    measured = {part: parts[part] for part in ("calibration", "test")} | {RINGED: parts["test"]}
    scores = {part: _score(network, order, rows, recipe, ringed=part == RINGED) for part, rows in measured.items()}
    method = order.calibration or (TEMPERATURE if isinstance(recipe, FineTune) else NONE)
    calibration = fit(method, *scores["calibration"])
    scores = {part: (labels, np.round(calibration.apply(said), DECIMALS)) for part, (labels, said) in scores.items()}
    points = operating_points(scores["calibration"], {part: scores[part] for part in ("test", RINGED)})
    manifest = {
        "format": FORMAT,
        "name": order.name,
        "architecture": recipe.architecture,
        "input_size": recipe.input_size,
        "preprocessing": recipe.preprocessing,
        "labels": list(LABELS),
        "intended_use": INTENDED_USE,
        "views": order.views,
        "calibration": calibration.as_json(),
        "operating_points": points,
        # too few malignant images promise no sensitivity (73 in the calibration part promise 95 %)
        "default_operating_point": "sensitivity-95" if "sensitivity-95" in points else "f1",
        "metrics": {
            part: metrics(*score, [sample.group for sample in measured[part]]) for part, score in scores.items()
        },
        "data": described(order.data, samples, order.data_notes),
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
        "split": {"file": "split.csv", "sha256": sha256_hex(split_csv(samples).encode())},
    }
    _write(order.output, manifest, weights, split_csv(samples))


def _score(
    network: Any, order: Order, samples: list[Sample], recipe: Preset | FineTune, *, ringed: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels (n,) and uncalibrated probabilities (n,) of a part, over the views that screening will look at."""
    network.compile(jit_compile=False)
    pictures = dataset(order.data, samples, recipe, altered=dark_ring if ringed else None)

    def score(flip: Flip) -> NDArray[Any]:
        return np.asarray(network.predict(pictures.map(lambda seen, label: (flip(seen), label)), verbose=0))

    return np.array([sample.label for sample in samples]), averaged(order.views, score).reshape(-1)


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
