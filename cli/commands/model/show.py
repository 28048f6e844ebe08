"""`screen model show`: one model version and its measured numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from models.manifest import Manifest


@click.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def command(name: str | None, as_json: bool) -> int:
    """Show a model version (default: the active one), after comparing its weights with their checksum.

    \b
    Example:
      screen model show
      screen model show hidri-2 --json
    """
    from cli import output
    from cli.active import active_name
    from models.catalogue import find
    from storage.settings import from_environment

    settings = from_environment()
    version = find(name or active_name(settings), settings.home)
    version.verify()
    manifest = version.manifest
    if as_json:
        output.data_json(manifest.raw)
        return ExitCode.DONE
    output.data(
        f"model          {manifest.name} ({manifest.architecture}, {manifest.input_size} x {manifest.input_size})"
    )
    output.data(f"weights        {manifest.weights_sha256}  checked")
    output.data(f"preprocessing  {manifest.preprocessing}")
    output.data(f"classes        {_classes(manifest)}")
    if manifest.views > 1:
        output.data(f"views          mean over {manifest.views} mirror images")
    if not manifest.metrics:
        output.data("measured on    nothing: how well it does is not known")
    for part, values in manifest.metrics.items():
        shown = ", ".join(f"{key} {value}" for key, value in values.items() if key != "intervals")
        output.data(f"measured on    {part}: {shown}")
    for part, values in manifest.class_metrics.items():
        for class_name, measured in values["by_class"].items():
            output.data(f"    {class_name} on {part}: {_class_rates(measured)}")
    for point in manifest.operating_points.values():
        mark = "  (default)" if point is manifest.default else ""
        output.data(f"operating point {point.name}: threshold {point.threshold:.6f}{mark}")
        if not point.expected:
            output.data(f"    {point.chosen_for}; chosen on {point.chosen_on}")
        for part, expected in point.expected.items():
            output.data(f"    on {part}: {_rates(expected)}")
    output.data(manifest.raw.get("intended_use", ""))
    return ExitCode.DONE


def _classes(manifest: Manifest) -> str:
    classes = manifest.classes
    if not classes.several:
        return ", ".join(classes.names)
    return f"{', '.join(classes.malignant)} (count as malignant); {', '.join(classes.benign)} (count as benign)"


def _class_rates(measured: dict[str, Any]) -> str:
    """``12 images, most probable class in 0.833 (0.552-0.953), ROC-AUC against the others 0.912 (0.871-0.948)``."""
    said = [f"{measured['images']} images"]
    for key, words in (("sensitivity", "most probable class in"), ("roc_auc", "ROC-AUC against the others")):
        value, interval = measured[key]["value"], measured[key]["interval"]
        if value is not None:
            said.append(f"{words} {value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else ""))
    return ", ".join(said)


def _rates(expected: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {expected[name]:.3f} ({expected[f'{name}_interval'][0]:.3f}-{expected[f'{name}_interval'][1]:.3f})"
        for name in ("sensitivity", "specificity")
    )
