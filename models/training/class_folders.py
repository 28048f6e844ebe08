"""Which classes a folder of labelled images holds: a folder each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.classes import BINARY, Classes, classes_of
from models.errors import UsageFault
from models.training.files import folders, pictures


def class_folders(data: Path, malignant: Sequence[str]) -> Classes:
    """The classes of DATA, by their names, and which of them count as malignant.

    Without a name in ``malignant`` these are benign/ and malignant/, whatever other folders are there; with one, every
    folder that holds pictures is a class. Raises UsageFault when that gives no sound classes.
    """
    found = [folder.name for folder in folders(data) if pictures(folder)]
    if not malignant:
        others = [name for name in found if name not in BINARY.names]
        if others and not set(BINARY.names) <= set(found):
            raise UsageFault(
                f"the classes {', '.join(found)} do not say which of them count as malignant; name those by --malignant"
            )
        return BINARY
    try:
        return classes_of(found, malignant)
    except ValueError as error:
        raise UsageFault(f"the class folders of {data}, and --malignant: {error}") from error


def passed_over(data: Path, classes: Classes) -> list[str]:
    """Folders with pictures that are no class: beside benign/ and malignant/ nothing else is trained on."""
    return [folder.name for folder in folders(data) if folder.name not in classes.names and pictures(folder)]
