"""`screen model evaluate`: how good is a model version on images whose labels are known?"""

from __future__ import annotations

from pathlib import Path

import click

from cli.exit_codes import ExitCode
from cli.finite import FiniteRange

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("evaluate")
@click.argument("source", metavar="DIR|BATCH")
@click.option(
    "--labels",
    type=_EXISTING,
    help="CSV (image,label and more). Default: the folders of DIR, benign/ and malignant/ or the classes of the model.",
)
@click.option(
    "--malignant",
    metavar="NAME,...",
    multiple=True,
    help="Labels that count as malignant, such as melanoma,bcc, where they are no classes of the model; others count "
    "as benign then. May be repeated.",
)
@click.option("--model", help="Model version that screens DIR. Default: the active one.")
@click.option("--operating-point", help="What judges. Default: the model's default, or the policy of BATCH.")
@click.option(
    "--prevalence",
    "prevalences",
    type=FiniteRange(0, 1, min_open=True, max_open=True),
    multiple=True,
    help="Share of malignant lesions in your clinic, 0.05 for 5 %. May be repeated.  [default: 0.02, 0.05, 0.07]",
)
@click.option("--subgroup", metavar="COLUMN", help="Column of the labels whose values are also measured one by one.")
@click.option("--groups", type=_EXISTING, help="CSV (group,image): images that belong together, as of one patient.")
@click.option(
    "--ring",
    metavar="RADIUS",
    type=FiniteRange(0, 1.5, min_open=True),
    help="Draw a dark ring on every image of DIR first, of this radius in halves of its side: what changes was learned "
    "from rings.",
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a report as one HTML page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all numbers.")
def command(
    source: str,
    labels: Path | None,
    malignant: tuple[str, ...],
    model: str | None,
    operating_point: str | None,
    prevalences: tuple[float, ...],
    subgroup: str | None,
    groups: Path | None,
    ring: float | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Measure a model version on labelled images: those of a folder, screened now, or those of a complete batch.

    Images that the model was made with are recognised by their SHA-256, announced, and reported apart.

    \b
    Example:
      screen model evaluate lesions --output evaluation.html
      screen model evaluate by-diagnosis --malignant melanoma,bcc --output evaluation.html
      screen model evaluate 20261121-093000-1f2e3d --labels labels.csv --subgroup site --prevalence 0.03 --json
    """
    from cli.asked_file import asked_file, expect_page
    from cli.class_names import class_names
    from cli.output import data, data_json, talk
    from models.errors import UsageFault
    from models.extras import to_install
    from models.printable import printable
    from storage.report import NOTICE

    try:
        from cli.evaluating import Order, evaluate_source
        from cli.evaluation_report import page
    except ImportError as error:
        how = to_install("train")
        raise UsageFault(f"evaluation needs the extra train (missing: {error.name}): {how}") from error
    if subgroup and labels is None:
        raise UsageFault(f"--subgroup {subgroup} needs --labels with a CSV that has this column")
    expect_page(output, "the report")
    result = evaluate_source(
        Order(
            source=source,
            labels=labels,
            model=model,
            operating_point=operating_point,
            prevalences=prevalences,
            subgroup=subgroup,
            groups=groups,
            malignant=class_names(malignant),
            ring=ring,
        )
    )
    if output is not None:
        with asked_file(output, "the report") as file:
            file.write(page(result))
        talk(f"Wrote the report to {output}.")
    if as_json:
        data_json(result.as_json())
    else:
        for line in result.lines():
            data(line)
    for warning in result.warnings:
        talk(f"Warning: {warning}")
    for item in result.unscored:
        talk(printable(f"{item['outcome']}: {item['image']}: {item['reason']}"))
    talk(NOTICE)
    return ExitCode.DONE_WITH_REJECTS if result.unscored else ExitCode.DONE
