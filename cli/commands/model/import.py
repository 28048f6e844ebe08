"""`screen model import`: a model version from weights that Keras saved elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from models.networks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from models.networks.importing import Wanted


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--architecture", required=True, type=click.Choice(sorted(ARCHITECTURES)), help="Of the weights.")
@click.option("--name", required=True, help="Name of the new model version.")
@click.option("--threshold", type=click.FloatRange(0, 1), help="Flag at or above it; nobody has measured it.")
@click.option("--like", metavar="MODEL", help="Take the threshold, and the preprocessing, of this model version.")
@click.option("--json", "as_json", is_flag=True, help="Print the new manifest.")
def command(file: Path, architecture: str, name: str, threshold: float | None, like: str | None, as_json: bool) -> None:
    """Make a model version from the weights in FILE (.h5, .weights.h5 or .keras), read as numbers alone.

    No layer is made from the file and no code of it is run; its weights must fit the architecture by order and shape.
    The new version has no measured numbers: what a file says about itself is not measured here.

    \b
    Example:
      screen model import best_model.h5 --architecture hidri --name clinic-1 --threshold 0.43
      screen model import weights.keras --architecture hidri --name clinic-2 --like hidri-1
    """
    from cli.output import data, data_json, talk
    from models.errors import UsageFault
    from storage.settings import from_environment

    home = from_environment().home
    wanted = _wanted(architecture, name, threshold, like, home)
    try:
        from models.networks.importing import import_weights

        manifest = import_weights(file, wanted, home / "models")
    except ImportError as error:
        raise UsageFault(f"importing needs the extra cpu or gpu (missing: {error.name})") from error
    if as_json:
        data_json(manifest.raw)
    else:
        data(f"{manifest.name}: {manifest.raw['weights']['parameters']} weights, written to {home / 'models' / name}")
    talk(
        f"The weights fit {architecture} by order and shape. What they were trained to expect does not show: here it "
        f"is {manifest.input_size} x {manifest.input_size} RGB pixels, 0 to 255, by {manifest.preprocessing}, and the "
        "answer is taken as the probability of malignant. Nothing is measured: measure before you rely on it."
    )


def _wanted(architecture: str, name: str, threshold: float | None, like: str | None, home: Path) -> Wanted:
    """What the file does not say, by the recipe of the architecture or by another model version."""
    from models.catalogue import find
    from models.errors import UsageFault
    from models.networks.importing import Wanted
    from models.rounding import decimal
    from models.training.presets import PRESETS

    if (threshold is None) == (like is None):
        raise UsageFault("expected one of --threshold and --like: an imported model version has no measured threshold")
    if threshold is not None:
        recipe = next((item for item in PRESETS.values() if item.architecture == architecture), None)
        if recipe is None:
            raise UsageFault(f"no recipe says how pictures are prepared for {architecture}; name a model by --like")
        return Wanted(name, architecture, recipe.input_size, recipe.preprocessing, decimal(threshold), "given by hand")
    manifest = find(like or "", home).manifest
    if manifest.architecture != architecture:
        raise UsageFault(f"--like {like}: expected a {architecture}, received a {manifest.architecture}")
    point = manifest.default
    chosen_for = f"taken over from {point.name} of {manifest.name}, not measured with these weights"
    return Wanted(name, architecture, manifest.input_size, manifest.preprocessing, point.threshold, chosen_for)
