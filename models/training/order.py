"""What to train, from what, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Order:
    """What to train: data folder (with a folder a class), groups of copies, where to, and from which seed.

    ``malignant``: the classes that count as such; none: the folders are benign/ and malignant/.
    """

    architecture: str
    data: Path
    output: Path
    name: str
    groups: Path | None = None
    epochs: int | None = None
    seed: int = 7
    resume: bool = False
    malignant: tuple[str, ...] = ()
    calibration: str | None = None  # a method of models.calibration.FITTED; None: the recipe's
    views: int = 1  # one of models.views.VIEWS
    data_notes: Mapping[str, Any] = field(default_factory=dict)  # see models.training.data_notes
