"""Model versions on disk, and a real network that is tiny: 16x16 pixels, a few milliseconds a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.checksum import sha256_hex

SIDE = 16
EXPECTED = {
    "sensitivity": 0.96, "sensitivity_interval": [0.93, 0.98], "specificity": 0.8, "specificity_interval": [0.75, 0.84],
}  # fmt: skip


@pytest.fixture
def raw_manifest() -> dict[str, Any]:
    """A sound manifest of a model that sees 16x16 pixels."""
    return {
        "format": 1,
        "name": "tiny-1",
        "architecture": "hidri",
        "input_size": SIDE,
        "preprocessing": "square-1",
        "labels": ["benign", "malignant"],
        "weights": {"file": "weights.safetensors", "sha256": sha256_hex(b"weights")},
        "operating_points": {
            "f1": {"threshold": 0.25, "chosen_for": "best F1", "chosen_on": "calibration", "expected": {}},
            "sensitivity-95": {
                "threshold": 0.125,
                "chosen_for": "sensitivity >= 95 %",
                "chosen_on": "calibration",
                "expected": {"test": EXPECTED},
            },
        },
        "default_operating_point": "sensitivity-95",
        "metrics": {"test": {"roc_auc": 0.9}},
        "training": {"seed": 7},
    }


@pytest.fixture
def write_version(raw_manifest: dict[str, Any]) -> Callable[..., Path]:
    """Writes a model version into a folder that carries its name: ``write_version(parent, "name", weights)``."""

    def write(parent: Path, name: str = "tiny-1", weights: bytes = b"weights", **changes: Any) -> Path:
        folder = parent / name
        folder.mkdir(parents=True)
        sealed = {"file": "weights.safetensors", "sha256": sha256_hex(weights)}
        manifest = raw_manifest | {"name": name, "weights": sealed} | changes
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        (folder / "weights.safetensors").write_bytes(weights)
        return folder

    return write


@pytest.fixture(scope="session")
def tiny_network() -> Any:
    """Hidri's network at 16x16 with weights drawn from a fixed seed, so that pictures get different scores."""
    from models.networks.architectures import build

    network = build("hidri", SIDE)
    rng = np.random.default_rng(3)
    for variable in network.weights:
        # variances of batch normalisation have to be above 0
        drawn = rng.uniform(0.5, 1.5, variable.shape) if "var" in variable.path else rng.normal(0, 0.3, variable.shape)
        variable.assign(drawn.astype(np.float32))
    return network


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """16 different network inputs, (16, 16, 16, 3), uint8: flat grey, and noise of growing strength."""
    rng = np.random.default_rng(4)
    strength = np.arange(16)[:, None, None, None] * 6
    return np.clip(120 + rng.normal(0, 1, (16, SIDE, SIDE, 3)) * strength, 0, 255).astype(np.uint8)
