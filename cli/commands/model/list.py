"""`screen model list`: what is at hand?"""

from __future__ import annotations

import click


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(as_json: bool) -> None:
    """List the model versions at hand; the active one and the one in its shadow are marked.

    \b
    Example:
      screen model list
    """
    from cli import output
    from cli.active import names
    from models.catalogue import folders, opened
    from models.errors import ModelInvalid
    from storage.settings import from_environment

    settings = from_environment()
    active, shadow = names(settings)
    found = []
    for folder in folders(settings.home):
        try:
            manifest = opened(folder).manifest
        except ModelInvalid as error:
            roles = {"active": folder.name == active, "shadow": folder.name == shadow}
            found.append({"model": folder.name, **roles, "error": str(error)})
            continue
        found.append(
            {
                "model": manifest.name,
                "active": manifest.name == active,
                "shadow": manifest.name == shadow,
                "architecture": manifest.architecture,
                "roc_auc": manifest.metrics.get("test", {}).get("roc_auc"),
                "operating_point": manifest.default_operating_point,
                "threshold": manifest.default.threshold,
            }
        )
    if active not in [item["model"] for item in found]:
        output.talk(f"Warning: {active}, the active model version, is not at hand here: nothing can be handed in.")
    if as_json:
        output.data_json(found)
        return
    columns = ["model", "active", "shadow", "architecture", "roc_auc", "operating_point", "threshold", "error"]
    rows = [[_cell(item.get(column, "")) for column in columns] for item in found]
    output.table("Model versions", columns, rows)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)
