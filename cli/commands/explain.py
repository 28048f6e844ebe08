"""`screen explain`: where does a score come from?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from cli.explaining import Explained, Explainer
    from storage.settings import Settings

LIMIT = 50


@click.command("explain")
@click.argument("target", metavar="IMAGE|BATCH")
@click.option(
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("explained"),
    show_default=True,
    help="Where the overlays and their index go.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="Flagged images of a BATCH at most."
)
@click.option("--json", "as_json", is_flag=True, help="Print the index as one JSON object.")
def command(target: str, folder: Path, limit: int, as_json: bool) -> int:
    """Show which part of a picture raised the network's score (Grad-CAM), for one IMAGE or the flagged of a BATCH.

    Each overlay shows the picture as the network saw it, plain and with the map laid over it: the yellower, the more.
    It shows where a score comes from; it neither outlines a lesion nor says that the network is right. Exit code 1:
    some images could not be explained, each with its reason.

    \b
    Example:
      screen explain lesion.jpg
      screen explain 20261121-093000-1f2e3d --output overlays --limit 10
    """
    from cli import output
    from cli.explaining import Explainer, explain_image
    from storage.settings import from_environment

    settings = from_environment()
    explainer = Explainer(settings.home)
    model = _of_an_image(target, settings)
    with _said_where(folder):
        found = list(
            _explained_batch(target, folder, limit, explainer, settings)
            if model is None
            else [explain_image(target, folder, explainer, model)]
        )
        index = _write_index(folder, target, found)
    if as_json:
        output.data_json(index)
    else:
        columns = ["image", "overlay", "probability", "outcome", "reason"]
        rows = [[_cell(item[column]) for column in columns] for item in index["images"]]
        output.table(f"Overlays in {folder}", columns, rows)
    output.talk(index["notice"])
    return ExitCode.DONE if all(item.overlay for item in found) else ExitCode.DONE_WITH_REJECTS


def _of_an_image(target: str, settings: Settings) -> str | None:
    """The model version that an image is explained with: a file that is there is one, anything else a batch (None)."""
    import os

    from cli.active import active_name
    from models.errors import UsageFault
    from storage.paths import is_folder

    if is_folder(target):
        raise UsageFault(f"{target} is a folder; expected an image, or a batch: hand it in with `screen submit`")
    return active_name(settings) if os.path.lexists(target) else None


def _explained_batch(
    batch_id: str, folder: Path, limit: int, explainer: Explainer, settings: Settings
) -> Iterator[Explained]:
    from contextlib import closing
    from itertools import islice

    from cli.explaining import explain_rows
    from cli.output import talk
    from cli.progress import progress
    from models.errors import UsageFault
    from storage.counts import batch_ids, counts
    from storage.migrate import open_database
    from storage.report import rows

    with closing(open_database(settings)) as database, database.read() as session:
        if batch_id not in batch_ids(session):
            raise UsageFault(f"{batch_id} is neither a file nor a batch; `screen status` lists the batches")
        total = counts(session, batch_id)
        # read before the first picture is: no transaction stays open while a network looks
        flagged = list(islice(rows(session, [batch_id], flagged_only=True), limit))
    if total.state != "complete":
        talk(f"Warning: batch {batch_id} is not complete; more of its images may be flagged later.")
    if not flagged:
        talk(f"No image of batch {batch_id} is flagged: there is nothing to explain.")
    if total.flagged > len(flagged):
        talk(f"The {len(flagged)} highest of {total.flagged} flagged images; --limit {total.flagged} takes all.")
    with progress("Explaining", len(flagged)) as bar:
        for number, item in enumerate(explain_rows(flagged, folder, explainer), start=1):
            bar.update(number)
            yield item


def _write_index(folder: Path, target: str, found: list[Explained]) -> dict[str, Any]:
    """index.json and index.csv, after all overlays; returns what stands in the first."""
    import csv
    import json

    from models.csv_cells import harmless
    from models.whole_file import whole_file
    from storage.paths import shown
    from storage.report import NOTICE

    index: dict[str, Any] = {
        "notice": NOTICE,
        "method": "Grad-CAM (Selvaraju et al. 2017) on the log-odds of malignant",
        "target": shown(target),
        "images": [item.as_json() for item in found],
    }
    with whole_file(folder / "index.json") as file:
        json.dump(index, file, ensure_ascii=False, indent=1)
        file.write("\n")
    with whole_file(folder / "index.csv") as file:
        # all quoted: a file name may hold a bare \r, which readers take for the end of a line
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        columns = ["image", "checksum", "overlay", "probability", "outcome", "threshold", "model", "reason"]
        writer.writerow(columns)
        writer.writerows([harmless(_cell(item[column])) for column in columns] for item in index["images"])
    return index


def _cell(value: object) -> str:
    from models.rounding import text

    return text(value) if isinstance(value, float) else "" if value is None else str(value)


@contextmanager
def _said_where(folder: Path) -> Iterator[None]:
    from models.errors import UsageFault

    try:
        yield
    except OSError as error:
        raise UsageFault(f"the overlays cannot be written to {folder}: {error.strerror}") from error
