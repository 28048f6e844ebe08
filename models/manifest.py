"""The manifest of a model version: what it is, what it was measured at, and the checksum of its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, TypeVar

from models.calibration import ISOTONIC, UNCALIBRATED, Calibration, parse_calibration
from models.class_metrics import checked_class_metrics
from models.classes import BINARY, Classes, parse_classes
from models.distribution import DistributionEntry
from models.errors import ModelInvalid
from models.views import VIEWS

FORMAT = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

T = TypeVar("T")


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (0..1; flagged at or above it), what it was chosen for, and how it did on which data."""

    name: str
    threshold: float
    chosen_for: str
    chosen_on: str
    expected: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SplitEntry:
    """The file beside the manifest that says which images were in which part, and its SHA-256 where it is known."""

    file: str = "split.csv"
    sha256: str | None = None


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
    calibration: Calibration = UNCALIBRATED
    distribution: DistributionEntry | None = None
    split: SplitEntry | None = None  # None: the manifest names none; split.csv may lie there all the same
    classes: Classes = BINARY
    views: int = 1  # how many mirror images the network looks at, see models.views
    class_metrics: dict[str, Any] = field(default_factory=dict)  # of several classes, by part of the split
    data: dict[str, Any] = field(default_factory=dict)  # what is known of the training data, for the model card

    @property
    def default(self) -> OperatingPoint:
        return self.operating_points[self.default_operating_point]

    @property
    def scoring(self) -> dict[str, object]:
        """All that a probability follows from, and whether it counts: two versions with the same give a picture the
        same one, or both call it unlike their training pictures. Each under the words for it."""
        cloud = self.distribution
        return {
            "architecture": self.architecture,
            "input size": self.input_size,
            "weights": self.weights_sha256,
            "preprocessing": self.preprocessing,
            "views": self.views,
            "calibration": self.calibration,
            "classes": self.classes,
            "distribution": None if cloud is None else (cloud.sha256, cloud.layers, cloud.limit),
        }


def version_name(value: Any) -> str:
    """A sound name of a model version: it becomes a folder and stands in reports. Raises ValueError for another."""
    if not _NAME.fullmatch(_text(value)):
        raise ValueError(f"expected a letter or digit, then at most 99 letters, digits, . _ or -, received {value!r}")
    return str(value)


def parse(text: str) -> Manifest:
    """Read a manifest. Raises ModelInvalid with the field that is missing or wrong."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ModelInvalid(f"manifest.json is not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        received = raw.get("format") if isinstance(raw, dict) else type(raw).__name__
        raise ModelInvalid(f"manifest.json: expected format {FORMAT}, received {received!r}")
    points = {
        name: OperatingPoint(
            name=_field({"operating_points": name}, version_name, "operating_points"),
            threshold=_field(raw, _probability, "operating_points", name, "threshold"),
            chosen_for=_field(raw, _text, "operating_points", name, "chosen_for"),
            chosen_on=_field(raw, _text, "operating_points", name, "chosen_on"),
            expected=_field(raw, _performances, "operating_points", name, "expected"),
        )
        for name in _field(raw, _object, "operating_points")
    }
    classes = parse_classes(raw)
    manifest = Manifest(
        name=_field(raw, version_name, "name"),
        architecture=_field(raw, _text, "architecture"),
        input_size=_field(raw, _pixels, "input_size"),
        preprocessing=_field(raw, _text, "preprocessing"),
        labels=_field(raw, _texts, "labels"),
        calibration=parse_calibration(raw.get("calibration", UNCALIBRATED.as_json())),
        classes=classes,
        class_metrics=_field({"class_metrics": {}} | raw, partial(checked_class_metrics, classes), "class_metrics"),
        distribution=_distribution(raw) if "distribution" in raw else None,
        split=_split(raw) if raw.get("split") is not None else None,
        weights_file=_field(raw, _plain_name, "weights", "file"),
        weights_sha256=_field(raw, _text, "weights", "sha256"),
        operating_points=points,
        default_operating_point=_field(raw, _text, "default_operating_point"),
        metrics=_field(raw, _metrics, "metrics"),
        training=_field(raw, _object, "training"),
        views=_field(raw, _views, "views") if "views" in raw else 1,
        data=_field(raw, _object, "data") if "data" in raw else {},
        raw=raw,
    )
    if manifest.classes.several and manifest.calibration.method == ISOTONIC:
        raise ModelInvalid("manifest.json: calibration: isotonic is for one probability, expected temperature or none")
    if manifest.default_operating_point not in points:
        raise ModelInvalid(
            f"manifest.json: default_operating_point {manifest.default_operating_point!r} is none of {sorted(points)}"
        )
    return manifest


def _distribution(raw: dict[str, Any]) -> DistributionEntry:
    return DistributionEntry(
        file=_field(raw, _plain_name, "distribution", "file"),
        sha256=_field(raw, _text, "distribution", "sha256"),
        layers=_field(raw, _texts, "distribution", "layers"),
        limit=_field(raw, _positive, "distribution", "limit"),
    )


def _split(raw: dict[str, Any]) -> SplitEntry:
    named = _field(raw, _object, "split")
    return SplitEntry(
        file=_field(raw, _plain_name, "split", "file") if "file" in named else SplitEntry.file,
        sha256=_field(raw, _text, "split", "sha256") if named.get("sha256") is not None else None,
    )


def _field(raw: Any, make: Callable[[Any], T], *path: str) -> T:
    """One field by its path. Raises ModelInvalid that names it."""
    value = raw
    for step in path:
        if not isinstance(value, dict) or step not in value:
            raise ModelInvalid(f"manifest.json: {'.'.join(path)} is missing")
        value = value[step]
    try:
        return make(value)
    except ValueError as error:
        raise ModelInvalid(f"manifest.json: {'.'.join(path)}: {error}") from error


def _probability(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"expected 0..1, received {value!r}")
    return float(value)


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise ValueError(f"expected a number above 0, received {value!r}")
    return float(value)


def _pixels(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a number of pixels, received {value!r}")
    return value


def _views(value: Any) -> int:
    if isinstance(value, bool) or value not in VIEWS:
        raise ValueError(f"expected one of {', '.join(map(str, VIEWS))}, received {value!r}")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected text, received {value!r}")
    return value


def _plain_name(value: Any) -> str:
    if _text(value).startswith(".") or any(character in value for character in "/\\:\0"):
        raise ValueError(f"expected the plain name of a file beside the manifest, received {value!r}")
    return str(value)


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"expected a list of texts, received {value!r}")
    return tuple(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, received {value!r}")
    return value


def _performances(value: Any) -> dict[str, Any]:
    """By part of the split: sensitivity and specificity, each with its interval, all 0..1."""
    for part, rates in _object(value).items():
        for rate in ("sensitivity", "specificity"):
            try:
                found = [_object(rates)[rate], *_object(rates)[f"{rate}_interval"]]
            except (KeyError, TypeError) as error:
                raise ValueError(f"{part}: expected {rate} and {rate}_interval, received {rates!r}") from error
            if len(list(map(_probability, found))) != 3:
                raise ValueError(f"{part}: expected two bounds of {rate}, received {found[1:]!r}")
    return dict(value)


def _metrics(value: Any) -> dict[str, Any]:
    """By part of the split: numbers by their names, and ``intervals``."""
    for part, numbers in _object(value).items():
        for name, number in _object(numbers).items():
            if name == "intervals":
                _object(number)
            elif isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"{part}.{name}: expected a number, received {number!r}")
    return dict(value)
