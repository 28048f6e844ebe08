"""`screen model list`: what is at hand?"""

from __future__ import annotations

import click


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(as_json: bool) -> None:
    """List the model versions at hand, the active one marked.

    \b
    Example:
      screen model list
    """
    from cli import output
    from cli.active import active_name
    from models.catalogue import folders
    from models.errors import ModelInvalid
    from models.version import open_version
    from storage.settings import from_environment

    settings = from_environment()
    active = active_name(settings)
    found = []
    for folder in folders(settings.home):
        try:
            manifest = open_version(folder).manifest
        except ModelInvalid as error:
            found.append({"model": folder.name, "active": folder.name == active, "error": str(error)})
            continue
        found.append(
            {
                "model": manifest.name,
                "active": manifest.name == active,
                "architecture": manifest.architecture,
                "roc_auc": manifest.metrics.get("test", {}).get("roc_auc"),
                "operating_point": manifest.default_operating_point,
                "threshold": manifest.default.threshold,
            }
        )
    if as_json:
        output.data_json(found)
        return
    columns = ["model", "active", "architecture", "roc_auc", "operating_point", "threshold", "error"]
    rows = [[_cell(item.get(column, "")) for column in columns] for item in found]
    output.table("Model versions", columns, rows)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)
