"""Near-duplicates of a folder of training data, found with two bars and written as CSV (group,image)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.output import talk
from cli.progress import progress
from models.training.data_check import near_duplicates, write_groups
from models.training.folder import read_folder
from models.whole_file import whole_file


def find_copies(data: Path, groups: Path, classes: Sequence[str]) -> None:
    """Find the copies in ``data`` and write them to ``groups``; warn where they are in several of the class folders.

    Raises UsageFault when there are no pictures.
    """
    with progress("Reading, files") as reading:
        folder = read_folder(data, reading.update)
    with progress("Comparing, blocks") as comparing:
        found = near_duplicates(folder, comparing.update)
    with whole_file(groups) as file:
        write_groups(file, found)
    talk(f"{len(found)} groups of near-duplicates; `screen model check-data` tells more about the data")
    conflicts = sum(len({picture.label for picture in group} & set(classes)) > 1 for group in found)
    if conflicts:
        talk(
            f"Warning: {conflicts} of them have copies in more than one class folder (label conflicts) and are "
            "trained on as they are; `screen model check-data` lists them."
        )
