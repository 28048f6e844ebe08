"""`screen model show`: one model version and its measured numbers."""

from __future__ import annotations

from typing import Any

import click

from cli.exit_codes import ExitCode


@click.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def command(name: str | None, as_json: bool) -> int:
    """Show a model version (default: the active one), after comparing its weights with their checksum.

    \b
    Example:
      screen model show
      screen model show hidri-1 --json
    """
    from cli import output
    from cli.active import active_name
    from models.catalogue import find
    from storage.settings import from_environment

    settings = from_environment()
    version = find(name or active_name(settings), settings.home)
    version.verified_weights()
    manifest = version.manifest
    if as_json:
        output.data_json(manifest.raw)
        return ExitCode.DONE
    output.data(
        f"model          {manifest.name} ({manifest.architecture}, {manifest.input_size} x {manifest.input_size})"
    )
    output.data(f"weights        {manifest.weights_sha256}  checked")
    output.data(f"preprocessing  {manifest.preprocessing}")
    if manifest.views > 1:
        output.data(f"views          mean over {manifest.views} mirror images")
    if not manifest.metrics:
        output.data("measured on    nothing: how well it does is not known")
    for part, values in manifest.metrics.items():
        shown = ", ".join(f"{key} {value}" for key, value in values.items() if key != "intervals")
        output.data(f"measured on    {part}: {shown}")
    for point in manifest.operating_points.values():
        mark = "  (default)" if point is manifest.default else ""
        output.data(f"operating point {point.name}: threshold {point.threshold:.6f}{mark}")
        if not point.expected:
            output.data(f"    {point.chosen_for}; chosen on {point.chosen_on}")
        for part, expected in point.expected.items():
            output.data(f"    on {part}: {_rates(expected)}")
    output.data(manifest.raw.get("intended_use", ""))
    return ExitCode.DONE


def _rates(expected: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {expected[name]:.3f} ({expected[f'{name}_interval'][0]:.3f}-{expected[f'{name}_interval'][1]:.3f})"
        for name in ("sensitivity", "specificity")
    )
