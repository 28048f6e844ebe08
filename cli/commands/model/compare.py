"""`screen model compare`: do two model versions agree?"""

from __future__ import annotations

import click


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True,
              help="So many of the images that they judge most differently are listed.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(first: str, second: str, limit: int, as_json: bool) -> None:
    """Compare the model versions FIRST and SECOND over all images that both have scored.

    Each is judged at its own default operating point. An image gets a second score when a model version runs in the
    shadow of the active one (`screen model activate NAME --shadow`) and the image is handed in, for the first time or
    again; or when it was screened by both in turn.

    \b
    Example:
      screen model compare hidri-2 candidate-2
    """
    from cli import output
    from cli.comparing import compare
    from storage.settings import from_environment

    found = compare(first, second, limit, from_environment())
    if as_json:
        output.data_json(found)
        return
    output.data(f"images scored by both: {found['images']}")
    if not found["images"]:
        output.talk(
            f"To have both score the same images: `screen model activate {second} --shadow` while {first} is active, "
            "then hand in the images, also those that were screened before, and let a worker screen them."
        )
        return
    output.data(f"same outcome: {found['agree']} ({found['agreement']:.1%})")
    for name, each in ((first, "first"), (second, "second")):
        counts = found[f"{each}_outcomes"]
        output.data(
            f"{name}: {counts['flagged']} flagged ({found[f'only_{each}_flags']} by it alone), {counts['clear']} clear "
            f"({found[f'only_{each}_clears']} by it alone), {counts['review']} for review"
        )
    output.data(
        f"difference of probability: median {found['median_difference']}, largest {found['largest_difference']}"
    )
    rows = [
        [item["image"], *(f"{item[each]:.6f} {item[f'{each}_outcome']}" for each in ("first", "second"))]
        for item in found["most_different"]
    ]
    output.table("Judged most differently", ["image", first, second], rows)
