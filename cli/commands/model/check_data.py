"""`screen model check-data`: what is wrong with a folder of training data?"""

from __future__ import annotations

from pathlib import Path

import click

from cli.exit_codes import ExitCode


@click.command("check-data")
@click.argument("data", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--groups-output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the near-duplicates as CSV (group,image), for `screen model train --groups`.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the findings as an HTML page, with thumbnails of the near-duplicates.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(data: Path, groups_output: Path | None, output: Path | None, as_json: bool) -> int:
    """Check a folder of training data, one folder a class: DIR/benign, DIR/malignant.

    Finds re-encoded, resized, turned and mirrored copies of one picture, copies with conflicting labels, files that
    cannot be read, and shortcuts: dark corners, brightness, file size and the like, where they alone tell the
    classes apart. Exit code 1 when a file cannot be read, labels conflict, or there is one class alone.

    \b
    Example:
      screen model check-data lesions --groups-output near_duplicates.csv
    """
    from cli import output as out
    from cli.asked_file import asked_file, expect_page, expect_writable
    from cli.data_check_html import write_html
    from cli.data_check_text import show
    from cli.progress import progress
    from models.training.data_check import check, write_groups
    from models.training.folder import read_folder

    expect_writable(groups_output, "the groups")
    expect_page(output, "the findings")
    with progress("Reading, files") as reading:
        folder = read_folder(data, reading.update)
    with progress("Comparing, blocks") as comparing:
        found = check(folder, comparing.update)
    if groups_output:
        with asked_file(groups_output, "the groups") as file:
            write_groups(file, found.groups)
        out.talk(f"{len(found.groups)} groups of near-duplicates written to {groups_output}")
    if output:
        with asked_file(output, "the findings") as file:
            write_html(file, found, data)
        out.talk(f"findings written to {output}")
    if as_json:
        out.data_json(found.to_json())
    else:
        show(found)
    return ExitCode.DONE if found.sound else ExitCode.DONE_WITH_REJECTS
