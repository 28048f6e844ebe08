"""What is known about images from elsewhere: label, group and subgroup, by folder or by a CSV."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from models.classes import BINARY, Classes
from models.csv_cells import original
from models.csv_table import table
from models.errors import UsageFault
from models.evaluation.label_words import Known, Words
from models.evaluation.matching import Target, Targets, listed
from models.training.split import read_groups

ALIASES = {
    "image": ("filename", "file_name", "image_name", "image_id"),
    "label": ("benign_malignant", "target"),
}
"""What others call our columns, such as ISIC: the first that is there, where ours is not."""

NOT_GIVEN = "(not given)"  # the subgroup of the images of which nobody said one


@dataclass(frozen=True)
class Row:
    """One line of the CSV."""

    line: int
    image: str
    label: str | None  # None: the CSV has no such column
    group: str
    subgroup: str


def read_rows(path: Path, subgroup: str | None = None, on_unused: Callable[[list[str]], object] = list) -> list[Row]:
    """Read a CSV with the columns image and label, optionally group and those of subgroups.

    Columns are named in any capitals, or as others call them (`ALIASES`). ``on_unused`` is told the columns that are
    none of these. Raises UsageFault, also where no column but the images' would be used: a slip in a name must not
    leave the labels to the folders.
    """
    subgroup = subgroup and subgroup.strip().casefold()
    with table(path, "the file of labels") as (reader, received):
        reader.fieldnames = columns = _as_ours(list(reader.fieldnames or []), subgroup)
        lines = [(reader.line_num, row) for row in reader]
    said = ",".join(received) or "none"
    for column in ("image", *([subgroup] if subgroup else [])):
        if column not in columns:
            raise UsageFault(f"file of labels: expected a column {column!r}, received {said}")
    used = {"label", "group", *([subgroup] if subgroup else [])}
    if used.isdisjoint(columns):
        raise UsageFault(
            f"file of labels: expected a column 'label' or 'group', or one that --subgroup names, received {said}"
        )
    for column in sorted({"image", *used}):
        if columns.count(column) > 1:
            raise UsageFault(f"file of labels: expected one column {column!r}, received {said}")
    used.add("image")
    if of_others := [name for name, column in zip(received, columns, strict=True) if column and column not in used]:
        on_unused(of_others)
    return [
        Row(
            line=line,
            image=original(row["image"] or "").strip(),
            label=(row["label"] or "").strip() if "label" in columns else None,
            group=(row.get("group") or "").strip(),
            subgroup=(row[subgroup] or "").strip() if subgroup else "",
        )
        for line, row in lines
    ]


def _as_ours(columns: list[str], subgroup: str | None) -> list[str]:
    for ours, others in ALIASES.items():
        alias = next((name for name in others if name in columns and name != subgroup), None)
        if ours not in columns:
            columns = [ours if name == alias else name for name in columns]
    return columns


def know(
    targets: Sequence[Target],
    rows: Sequence[Row] | None,
    needed: Sequence[bool],
    classes: Classes = BINARY,
    malignant: Sequence[str] = (),
    subgroup: str | None = None,
) -> list[Known]:
    """What is known about each image.

    Args:
        rows: of the CSV; None: there is none, so folders say the label: benign/ and malignant/, or those of classes.
        needed: for each image, whether it must have a label (those that cannot be screened need none).
        classes: of the model version; their names are labels too.
        malignant: names of other classes that count as malignant; all other names count as benign then.
        subgroup: the column that says it; where it says nothing, or no row names the image, the subgroup is NOT_GIVEN.

    Rows may name images that are not here (`strangers`), such as those of a whole collection. Raises UsageFault that
    lists every row and image at fault: a row that means several images, an image without a label or with two, a label
    that is none; and then also each row that means no image, as where all rows do.
    """
    faults: list[str] = []
    elsewhere = strangers(targets, rows or [])
    words = Words(classes, malignant)
    # where rows say the label, any other folder is just a place, and no class that counts as benign
    only_folders = rows is None or all(row.label is None for row in rows)
    known = [_folder_label(target, words, elsewhere=only_folders) for target in targets]
    if rows is not None:
        known = _from_rows(targets, rows, known, words, faults)
    if subgroup:
        known = [replace(item, subgroup=item.subgroup or NOT_GIVEN) for item in known]
    for target, item, must in zip(targets, known, needed, strict=True):
        if must and item.label is None:
            faults.append(f"{target.image}: no label")
    faults += _contradictions(targets, known)
    borne = {item.word.lower() for item in known}
    faults += [f"--malignant {name}: no image is labelled so" for name in malignant if name.lower() not in borne]
    if faults or (rows and len(elsewhere) == len(rows)):
        faults = elsewhere + faults
        raise UsageFault(
            f"the labels do not fit the images ({len(faults)} fault{'s' * (len(faults) > 1)}; expected one label, "
            f"{words.all}, for each image, and a column image that names it by path, file name or SHA-256; labels with "
            f"other names need --malignant, which says which of them count as malignant):{listed(faults)}"
        )
    return known


def strangers(targets: Sequence[Target], rows: Sequence[Row]) -> list[str]:
    """The rows that name none of the images, as lines for people."""
    index = Targets(targets)
    return [f"{_where(row)}: no such image" for row in rows if not index.find(row.image)]


def _where(row: Row) -> str:
    return f"line {row.line}: {row.image or '(no image)'}"


def _folder_label(target: Target, words: Words, *, elsewhere: bool) -> Known:
    parts = PurePosixPath(target.relative).parts
    return (words.read(parts[0], elsewhere=elsewhere, folder=True) if len(parts) > 1 else None) or Known()


def _from_rows(
    targets: Sequence[Target], rows: Sequence[Row], folders: list[Known], words: Words, faults: list[str]
) -> list[Known]:
    index, known = Targets(targets), list(folders)
    named: dict[int, int] = {}
    for row in rows:
        where, numbers = _where(row), index.find(row.image)
        if not numbers:
            continue
        if not index.one(numbers):
            faults.append(f"{where}: ambiguous, {len(numbers)} images are called so; give their paths")
            continue
        label = None if row.label is None else words.read(row.label)
        if row.label is not None and label is None:
            faults.append(f"{where}: label {row.label!r}: expected {words.all}, or 0 or 1")
        for number in numbers:
            if number in named:
                faults.append(f"{where}: the same image as line {named[number]}")
            named[number] = row.line
            said = folders[number]
            if label is not None and label.contradicts(said):
                faults.append(f"{where}: label {label.word}, but it lies in the folder {said.word}/")
            value = said.label if label is None else label.label
            class_name = (label.class_name if label else "") or said.class_name
            known[number] = Known(value, row.group, row.subgroup, class_name)
    return known


def _contradictions(targets: Sequence[Target], known: Sequence[Known]) -> list[str]:
    """The same bytes cannot be benign and malignant, nor of two classes."""
    first: dict[str, tuple[str, Known]] = {}
    found = []
    for target, item in zip(targets, known, strict=True):
        if target.checksum is None or item.label is None:
            continue
        image, said = first.setdefault(target.checksum, (target.image, item))
        if item.contradicts(said):
            found.append(f"{target.image}: labelled {item.word}, the same bytes as {image} ({said.word})")
    return found


def with_groups(targets: Sequence[Target], known: Sequence[Known], path: Path) -> list[Known]:
    """The groups of a CSV (group,image) instead of those of the labels; an image that it does not name is alone.

    It may name images that are not here. Raises UsageFault for a name that means several, for an image in two groups,
    or when none is here.
    """
    index, found, faults = Targets(targets), [replace(item, group="") for item in known], []
    for image, group in read_groups(path).items():
        numbers = index.find(image)
        others = {found[number].group for number in numbers} - {"", group}
        if numbers and not index.one(numbers):
            faults.append(f"{image}: {len(numbers)} images are called so; give their paths")
        elif group and others:
            other = ", ".join(sorted(others))
            faults.append(f"{image}: group {group}, and group {other} by another of its names; make one group of them")
        for number in numbers:
            found[number] = replace(found[number], group=group or found[number].group)
    if faults:
        raise UsageFault(f"the file of groups does not fit the images:{listed(faults)}")
    if not any(item.group for item in found):
        raise UsageFault(f"the file of groups names none of the {len(targets)} images, such as {targets[0].image}")
    return found
