"""`screen model import`: a model version from weights that Keras saved elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.finite import FiniteRange
from models.networks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from models.classes import Classes
    from models.manifest import Manifest
    from models.networks.importing import Wanted


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--architecture", required=True, type=click.Choice(sorted(ARCHITECTURES)), help="Of the weights.")
@click.option("--name", required=True, help="Name of the new model version.")
@click.option("--threshold", type=FiniteRange(0, 1), help="Flag at or above it; nobody has measured it.")
@click.option("--like", metavar="MODEL", help="Take the threshold, and the preprocessing, of this model version.")
@click.option("--classes", metavar="NAME,...", help="Of the file's units, in order. Default: one unit, malignant.")
@click.option("--malignant", metavar="NAME,...", multiple=True, help="Those of --classes that count as malignant.")
@click.option("--json", "as_json", is_flag=True, help="Print the new manifest.")
def command(
    file: Path,
    architecture: str,
    name: str,
    threshold: float | None,
    like: str | None,
    classes: str | None,
    malignant: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a model version from the weights in FILE (.h5, .weights.h5 or .keras), read as numbers alone.

    No layer is made from the file and no code of it is run; its weights must fit the architecture by order and shape,
    and so must what it says of its layers. The new version has no measured numbers: what a file says about itself is
    not measured here.

    \b
    Example:
      screen model import best_model.h5 --architecture hidri --name clinic-1 --threshold 0.43
      screen model import weights.keras --architecture hidri --name clinic-2 --like hidri-2
      screen model import three.keras --architecture hidri --name clinic-3 --threshold 0.2 --classes mel,nv,bkl \\
        --malignant mel
    """
    from cli.output import data, data_json, talk
    from models.errors import UsageFault
    from models.extras import to_install
    from storage.settings import from_environment

    settings = from_environment()
    home = settings.home
    if classes and like:
        raise UsageFault("--classes and --like exclude each other: expected one of them; --like takes the classes too")
    wanted = _wanted(architecture, name, threshold, like, home, *_classes(classes, malignant))
    try:
        from models.networks.importing import import_weights

        settings.make_home()  # whoever makes it first: it is its owner's alone
        manifest = import_weights(file, wanted, home / "models")
    except ImportError as error:
        how = to_install("cpu")
        raise UsageFault(f"importing needs the extra cpu or gpu (missing: {error.name}): {how}") from error
    if as_json:
        data_json(manifest.raw)
    else:
        data(f"{manifest.name}: {manifest.raw['weights']['parameters']} weights, written to {home / 'models' / name}")
    talk(
        f"The weights fit {architecture} by order and shape. What they were trained to expect does not show: here it "
        f"is {manifest.input_size} x {manifest.input_size} RGB pixels, 0 to 255, by {manifest.preprocessing}, and "
        f"{_taken_as(manifest)}. Nothing is measured: measure before you rely on it."
    )


def _taken_as(manifest: Manifest) -> str:
    if outputs := manifest.training["imported"].get("outputs"):
        both = " and ".join(outputs)
        return f"the two answers, taken as a softmax over {both}, became one, the probability of malignant"
    if not manifest.classes.several:
        return "the answer is taken as the probability of malignant"
    names, malignant = ", ".join(manifest.classes.names), " + ".join(manifest.classes.malignant)
    return f"the answers are taken as the probabilities of {names}, and {malignant} as that of malignant"


def _classes(names: str | None, malignant: tuple[str, ...]) -> tuple[Classes, tuple[str, ...]]:
    """The classes of the version, and the names of the file's units where they are those of the binary network."""
    from cli.class_names import class_names
    from models.classes import BINARY, classes_of
    from models.errors import UsageFault

    if names is None:
        if malignant:
            raise UsageFault("--malignant needs --classes, the names of the file's units in their order")
        return BINARY, ()
    try:
        named = classes_of(class_names((names,)), class_names(malignant))
    except ValueError as error:
        raise UsageFault(f"--classes and --malignant: {error}") from error
    return (BINARY, named.names) if set(named.names) == set(BINARY.names) else (named, ())


def _wanted(
    architecture: str,
    name: str,
    threshold: float | None,
    like: str | None,
    home: Path,
    classes: Classes,
    outputs: tuple[str, ...],
) -> Wanted:
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
        size, prepared = recipe.input_size, recipe.preprocessing
        return Wanted(name, architecture, size, prepared, decimal(threshold), "given by hand", classes, outputs)
    manifest = find(like or "", home).manifest
    if manifest.architecture != architecture:
        raise UsageFault(f"--like {like}: expected a {architecture}, received a {manifest.architecture}")
    point = manifest.default
    chosen_for = f"taken over from {point.name} of {manifest.name}, not measured with these weights"
    size, prepared = manifest.input_size, manifest.preprocessing
    return Wanted(name, architecture, size, prepared, point.threshold, chosen_for, manifest.classes)
