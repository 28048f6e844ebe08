"""`screen demo`: the whole line on one page."""

from __future__ import annotations

from pathlib import Path

import click

from cli.exit_codes import ExitCode


@click.command("demo")
@click.argument("images", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the reports, and drawn images, go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def command(images: Path | None, folder: Path, as_json: bool) -> int:
    """Screen the folder IMAGES, or about 100 drawn pictures, with everything embedded, and write the reports.

    Starts Valkey and a worker, submits, shows progress, prints the flagged lesions, writes report.csv and
    report.html, and stops what it started. Its records stay apart from yours, in OUTPUT/home; each run deletes
    those of the run before, and its reports.

    \b
    Example:
      screen demo
      screen demo ./batch --output demo
    """
    from cli import output
    from cli.demonstration import demonstrate
    from cli.show_counts import show_counts
    from storage.report import NOTICE

    total = demonstrate(images, folder, show_table=not as_json)
    show_counts(total, as_json=as_json)
    output.talk(f"Reports: {folder / 'report.csv'} (flagged lesions) and {folder / 'report.html'} (every image)")
    output.talk(NOTICE)
    return ExitCode.DONE
