"""The manifest of a model version: what it is, what it was measured at, and the checksum of its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from models.errors import ModelInvalid

FORMAT = 1


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (0..1; flagged at or above it), what it was chosen for, and how it did on which data."""

    name: str
    threshold: float
    chosen_for: str
    chosen_on: str
    expected: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Everything about a model version that is not a weight."""

    name: str
    architecture: str
    input_size: int
    preprocessing: str
    labels: tuple[str, ...]
    weights_file: str
    weights_sha256: str
    operating_points: dict[str, OperatingPoint]
    default_operating_point: str
    metrics: dict[str, Any]
    training: dict[str, Any]
    raw: dict[str, Any]

    @property
    def default(self) -> OperatingPoint:
        return self.operating_points[self.default_operating_point]


def parse(text: str) -> Manifest:
    """Read a manifest. Raises ModelInvalid with the field that is missing or wrong."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ModelInvalid(f"manifest.json is not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        received = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise ModelInvalid(f"manifest.json: expected format {FORMAT}, received {received!r}")
    try:
        points = {
            name: OperatingPoint(
                name=name,
                threshold=_probability(point["threshold"], f"threshold of {name}"),
                chosen_for=str(point["chosen_for"]),
                chosen_on=str(point["chosen_on"]),
                expected=dict(point["expected"]),
            )
            for name, point in raw["operating_points"].items()
        }
        manifest = Manifest(
            name=str(raw["name"]),
            architecture=str(raw["architecture"]),
            input_size=int(raw["input_size"]),
            preprocessing=str(raw["preprocessing"]),
            labels=tuple(raw["labels"]),
            weights_file=str(raw["weights"]["file"]),
            weights_sha256=str(raw["weights"]["sha256"]),
            operating_points=points,
            default_operating_point=str(raw["default_operating_point"]),
            metrics=dict(raw["metrics"]),
            training=dict(raw["training"]),
            raw=raw,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelInvalid(f"manifest.json is incomplete or wrong at {error}") from error
    if manifest.default_operating_point not in points:
        raise ModelInvalid(
            f"manifest.json: default operating point {manifest.default_operating_point!r} is none of {sorted(points)}"
        )
    if "/" in manifest.weights_file or manifest.weights_file.startswith("."):
        raise ModelInvalid("manifest.json: the weights file must be a plain name beside the manifest")
    return manifest


def _probability(value: Any, what: str) -> float:
    number = float(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{what}: expected 0..1, received {number}")
    return number
