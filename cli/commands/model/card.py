"""`screen model card`: what is known of model versions, and what is not."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("card")
@click.argument("names", metavar="[MODEL]...", nargs=-1)
@click.option("--shipped", is_flag=True, help="All versions of this release, the default one first.")
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Default: stdout.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of Markdown.")
def command(names: tuple[str, ...], shipped: bool, output: Path | None, as_json: bool) -> None:
    """Write the model card of MODELs (default: the active one) from their manifests, as Markdown.

    Data and its leaks, intended use, limits, metrics with intervals, operating points, PPV and NPV, and the command
    that finds each figure again. Several MODELs stand side by side; whether they may be compared, their splits tell.

    \b
    Example:
      screen model card --output MODEL_CARD.md
      screen model card lite2-4 hidri-2
    """
    import json

    from cli.active import active_name
    from cli.asked_file import asked_file
    from cli.model_card import facts, markdown
    from cli.model_card import shipped as shipped_versions
    from cli.output import data, talk
    from models.catalogue import find
    from models.errors import UsageFault
    from storage.settings import from_environment

    if shipped and names:
        raise UsageFault("--shipped names the versions itself: expected no MODEL beside it")
    if shipped:
        versions = shipped_versions()
    else:
        settings = from_environment()
        versions = [find(name, settings.home) for name in dict.fromkeys(names) or [active_name(settings)]]
    typed = "--shipped" if shipped else " ".join(version.name for version in versions)
    text = (
        json.dumps(facts(versions), ensure_ascii=False) + "\n"
        if as_json
        else markdown(versions, f"screen model card {typed}")
    )
    if output is None:
        data(text.rstrip("\n"))
        return
    with asked_file(output, "the card") as file:
        file.write(text)
    talk(f"Wrote the card to {output}.")
