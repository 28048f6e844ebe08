"""The findings in a folder of training data as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from cli.data_check_text import CLASS_COLUMNS, CUE_COLUMNS, cells, copies, cue_cells, one_class, warnings
from cli.html_report import jpeg_uri
from cli.pages import page_environment
from models.errors import ImageRefused
from models.training.data_check import DataCheck
from models.training.folder import Labelled
from storage.report import NOTICE

SHOWN_GROUPS = 60
"""Groups with thumbnails, of about 3 KB a picture; the CSV of groups holds all."""

SHOWN_OF_A_GROUP = 8


@dataclass(frozen=True)
class ShownGroup:
    """One group of copies as the page shows it."""

    pictures: list[tuple[str, str]]  # name and data URI; the URI is empty when the file has gone
    more: int
    conflict: bool


def write_html(file: IO[str], found: DataCheck, data: Path) -> None:
    """Write the page; conflicting groups come first. ``data`` is the folder that was checked."""
    calm = [group for group in found.groups if group not in found.conflicts]
    chosen = [*found.conflicts, *calm][:SHOWN_GROUPS]
    environment = page_environment()
    page = environment.get_template("data_check.html").stream(
        notice=NOTICE,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        found=found,
        copies=copies(found),
        one_class=one_class(found),
        warnings=list(warnings(found)),
        class_columns=CLASS_COLUMNS,
        classes=[cells(facts) for facts in found.classes],
        cue_columns=CUE_COLUMNS,
        cues=[(shortcut.warned, cue_cells(shortcut)) for shortcut in found.shortcuts],
        groups=[_shown(group, data, group in found.conflicts) for group in chosen],
    )
    file.writelines(page)


def _shown(group: Sequence[Labelled], data: Path, conflict: bool) -> ShownGroup:
    pictures = [(picture.image, _thumbnail(data / picture.image)) for picture in group[:SHOWN_OF_A_GROUP]]
    return ShownGroup(pictures, len(group) - len(pictures), conflict)


def _thumbnail(path: Path) -> str:
    try:
        return jpeg_uri(path.read_bytes(), path.suffix)
    except (OSError, ImageRefused):
        return ""  # gone or changed since it was read a minute ago: its name alone is shown
