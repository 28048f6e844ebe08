"""The command that trains a model version anew, put together from what its manifest says."""

from __future__ import annotations

from typing import Any

from models.calibration import FITTED
from models.manifest import Manifest
from models.training.presets import PRESETS, FineTune, Preset, recipe_of


def training_command(manifest: Manifest, data_folder: str) -> tuple[str, bool] | None:
    """The `screen model train` with every option that is not the default, and whether it follows the same recipe.

    Notes on the data and a file of groups are not in it: the manifest does not say where they lay, and without the
    latter copies are found anew. None where the version was not trained, or this release has no recipe for it.
    """
    recipe = PRESETS.get(manifest.architecture)
    trained_by = manifest.training.get("recipe")
    if recipe is None or not isinstance(trained_by, dict):
        return None
    cut = _cut_to(recipe, trained_by)
    wanted: dict[str, Any] = {
        "--architecture": manifest.architecture,
        "--data": data_folder,
        "--seed": manifest.training.get("seed"),
        "--malignant": ",".join(manifest.classes.malignant) if manifest.classes.several else None,
        "--calibration": manifest.calibration.method,
        "--views": manifest.views if manifest.views != 1 else None,
        "--epochs": cut if cut != recipe.epochs else None,
        "--output": manifest.name,
    }
    if wanted["--calibration"] not in FITTED or wanted["--calibration"] == recipe.default_calibration:
        wanted["--calibration"] = None
    options = " ".join(f"{option} {value}" for option, value in wanted.items() if value is not None)
    return f"screen model train {options}", cut is not None


def _cut_to(recipe: Preset | FineTune, trained_by: dict[str, Any]) -> int | None:
    """After how many epochs this release's recipe has to end to be the one of the manifest; None: it is another."""
    phases = trained_by.get("phases")
    rows = phases if isinstance(phases, list) else [trained_by]
    numbers = [row["epochs"] for row in rows if isinstance(row, dict) and isinstance(row.get("epochs"), int)]
    if (epochs := sum(numbers)) < 1:
        return None
    # of fields that an older release did not know, the defaults do what was done before them
    return epochs if recipe_of(trained_by) == recipe.cut(epochs) else None
