"""`screen model register`: put a model version into the data folder."""

from __future__ import annotations

from pathlib import Path

import click

from cli.by_option import by_option


@click.command("register")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@by_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(folder: Path, actor: str, as_json: bool) -> None:
    """Copy the model version in FOLDER into the data folder, after its weights were found to be those of its manifest.

    They are tried in their network too, which takes some seconds: no worker finds out later that they do not fit. The
    version screens nothing until it is activated. The registration is an audit event.

    \b
    Example:
      screen model register ./my-model
    """
    from cli import output
    from cli.registering import register
    from storage.settings import from_environment

    manifest = register(folder, from_environment(), actor)
    if as_json:
        output.data_json({"model": manifest.name, "weights": manifest.weights_sha256})
    else:
        output.data(f"{manifest.name} is registered. `screen model activate {manifest.name}` puts it to work.")
