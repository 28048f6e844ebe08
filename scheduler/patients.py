"""Which patient and which lesion an image is of, told by a CSV: pseudonyms, and never a name of a person."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from models.csv_cells import original
from models.csv_table import table
from models.errors import UsageFault
from models.evaluation.matching import listed, plain
from scheduler.collect import Found
from storage.paths import shown

LONGEST_PSEUDONYM = 100  # characters
MAX_ROWS = 5_000_000  # a million images a night, and room above; a longer file is a mistake
_WAYS = 3  # by path as submitted, by path relative to the folder, by file name: the first way that knows a row counts
COLUMNS = ("image", "patient", "lesion")


@dataclass(frozen=True)
class Row:
    """One line of the CSV."""

    line: int
    image: str
    patient: str
    lesion: str | None


@dataclass(frozen=True)
class Subject:
    """Of whom an image is, and of which skin site."""

    patient: str
    lesion: str | None


def read_manifest(path: Path) -> list[Row]:
    """Read a CSV with the columns image, patient and optionally lesion.

    Raises UsageFault that lists every line at fault; it names lines and images and no patient.
    """
    with table(path, "the manifest") as (reader, received):
        if not {"image", "patient"} <= set(reader.fieldnames or []):
            raise UsageFault(
                f"the manifest needs the columns image and patient (and may have lesion); "
                f"received {','.join(received) or 'none'}"
            )
        rows, faults = _rows(reader)
    if faults:
        raise UsageFault(f"the manifest has {len(faults)} lines at fault; nothing was submitted:{listed(faults)}")
    return rows


def _rows(reader: csv.DictReader[str]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    faults: list[str] = []
    for given in reader:
        if len(rows) == MAX_ROWS:
            raise UsageFault(f"the manifest is too long: expected at most {MAX_ROWS} lines")
        image, patient, lesion = ((given.get(column) or "").strip() for column in COLUMNS)
        image = original(image)  # as a report names it
        where = f"line {reader.line_num}: {image or '(no image)'}"
        found = [f"{where}: {fault}" for fault in _faults(image, patient, lesion)]
        if None in given:
            found.append(f"{where}: more cells than columns")
        faults += found
        rows.append(Row(reader.line_num, image, patient, lesion or None))
    return rows, faults


def _faults(image: str, patient: str, lesion: str) -> Iterable[str]:
    if not image:
        yield "expected a path or a file name in the column image"
    if not patient:
        yield "expected a pseudonym in the column patient; leave out the line of an image that has none"
    for column, value in (("patient", patient), ("lesion", lesion)):
        if len(value) > LONGEST_PSEUDONYM:
            yield f"the {column} has {len(value)} characters: expected at most {LONGEST_PSEUDONYM}"
        if not value.isprintable():
            yield f"the {column} has characters that cannot be shown: expected letters, digits and signs"


class Patients:
    """Knows the subject of each file that is about to be submitted.

    ``files``: how many there are; ``unlisted`` counts those that were asked for and have none.
    """

    def __init__(self, rows: list[Row], files: Iterable[Found], folders: Iterable[str]) -> None:
        """Match every row with one file, before a single one is read. Memory grows with the rows, not the files.

        Args:
            files: all that will be submitted, in any order.
            folders: the paths that were named; a row may name a file relative to one of them.

        Raises UsageFault that lists every row that means no file, several, or one that another row means too.
        """
        prefixes = [f"{plain(shown(folder)).rstrip('/')}/" for folder in folders]
        wanted = {plain(row.image) for row in rows}
        hits: list[dict[str, set[str]]] = [defaultdict(set) for _ in range(_WAYS)]
        self.files = 0
        for file in files:
            self.files += 1
            for places, key in _keys(plain(file.image), prefixes):
                if key in wanted:
                    hits[places][key].add(file.image)
        self._of: dict[str, Subject] = {}
        self.unlisted = 0
        lines: dict[str, int] = {}
        faults: list[str] = []
        for row in rows:
            key = plain(row.image)
            where = f"line {row.line}: {row.image}"
            images = next((places[key] for places in hits if key in places), set())
            if not images:
                faults.append(f"{where}: no such image")
            elif len(images) > 1:
                faults.append(f"{where}: ambiguous, {len(images)} images are called so; give their paths")
            else:
                (image,) = images
                if image in lines:
                    faults.append(f"{where}: the same image as line {lines[image]}")
                lines[image] = row.line
                self._of[image] = Subject(row.patient, row.lesion)
        if faults:
            raise UsageFault(
                f"the manifest does not fit the images ({len(faults)} faults; expected a column image that names each "
                f"by path or file name, once); nothing was submitted:{listed(faults)}"
            )

    def of(self, image: str) -> Subject | None:
        """The subject of an image, by its path as submitted; None, and counted, where nobody said."""
        found = self._of.get(image)
        self.unlisted += found is None
        return found


def _keys(image: str, prefixes: list[str]) -> Iterable[tuple[int, str]]:
    """What a row may call an image, each with the way by which."""
    yield 0, image
    for prefix in prefixes:
        if image.startswith(prefix):
            yield 1, image.removeprefix(prefix)
    yield 2, PurePosixPath(image).name
