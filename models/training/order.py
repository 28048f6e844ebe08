"""What to train, from what, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.errors import UsageFault
from models.manifest import version_name
from models.training.presets import FineTune, Preset, preset


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

    @property
    def recipe(self) -> Preset | FineTune:
        """The architecture's, ended after ``epochs``. Raises UsageFault for an unknown architecture."""
        recipe = preset(self.architecture)
        return recipe if self.epochs is None else recipe.cut(self.epochs)

    def __post_init__(self) -> None:
        """Raises UsageFault for a name that no model version can have: told now, and not after hours of training."""
        try:
            version_name(self.name)
        except ValueError as error:
            raise UsageFault(f"the name of the model version: {error}; give it one by --name") from error
