"""The split into parts by near-duplicate group, so that no copy of a training image is measured on.

655 of the 1,000 malignant images of the published test part are re-encoded copies of training images: a
random split measures memory. Here a group (copies of one picture) goes into one part whole.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.checksum import sha256_hex
from models.classes import BINARY, Classes
from models.csv_cells import original
from models.csv_table import table
from models.errors import UsageFault
from models.evaluation.matching import listed, plain
from models.training.files import folders, pictures

LABELS = BINARY.names
# fractions of each class: weights are fitted on `train`, epochs are picked on `validation` (fine-tuning picks none and
# learns from it), thresholds are chosen on `calibration`, and only `test` is reported
PARTS = {"train": 0.70, "validation": 0.10, "calibration": 0.10, "test": 0.10}


@dataclass(frozen=True)
class Sample:
    """One labelled image: path relative to the data folder, number of its class (0 benign, 1 malignant, or the place
    among several classes), its part and group."""

    image: str
    checksum: str
    label: int
    group: str
    part: str


def read_groups(path: Path | None) -> dict[str, str]:
    """image (as ``label/name``, `plain`) -> group of a CSV with the columns group,image; "" where it says none.

    Raises UsageFault, also for an image in two groups: its copies in one of them would be lost sight of.
    """
    if path is None:
        return {}
    with table(path, "the file of groups") as (reader, received):
        columns, rows = reader.fieldnames or [], list(reader)
    if not {"group", "image"} <= set(columns):
        raise UsageFault(f"file of groups: expected the columns group,image, received {','.join(received)}")
    groups: dict[str, str] = {}
    torn: list[str] = []
    for row in rows:
        image, group = plain(original(row["image"] or "")), (row["group"] or "").strip()
        said = groups.get(image, "")
        if image and said and group not in ("", said):
            torn.append(f"{image}: groups {said} and {group}")
        groups[image] = said or group
    if torn:
        raise UsageFault(
            "file of groups: expected one group for each image, received two; make one group of those that share an "
            f"image:{listed(torn)}"
        )
    return groups


def split(data: Path, groups: dict[str, str], seed: int, classes: Classes = BINARY) -> list[Sample]:
    """Split DATA/benign and DATA/malignant, or the folders of several classes, into the four parts, by group.

    The part of a group follows from a hash of (seed, group), so adding an image moves none of another group; but where
    a part would have no image of a class, one group comes to it. Identical bytes are always one group. Raises
    UsageFault when a class folder is missing or empty.
    """
    found: list[tuple[str, str, int, str]] = []
    for label, name in enumerate(classes.names):
        files = pictures(data / name) if (data / name).is_dir() else []
        if not files:
            raise UsageFault(f"expected images in {name}/ below the data folder, found none: {data / name}")
        for file in files:
            image = f"{name}/{file.name}"
            found.append((image, sha256_hex(file.read_bytes()), label, groups.get(plain(image), "")))
    if groups and not groups.keys() & {plain(image) for image, *_ in found}:
        raise UsageFault(f"the file of groups names none of the images, such as {found[0][0]}; copies would be missed")
    group_of = _groups(found)
    labels = defaultdict[str, set[int]](set)
    for image, _, label, _ in found:
        labels[group_of[image]].add(label)
    part_of = _parts(seed, labels)
    return [
        Sample(image, checksum, label, group_of[image], part_of[group_of[image]]) for image, checksum, label, _ in found
    ]


def no_images(groups: dict[str, str], data: Path) -> list[str]:
    """The images of groups that are none of DATA: they may lie elsewhere, or be written in a way that means nothing."""
    here = {plain(f"{folder.name}/{file.name}") for folder in folders(data) for file in pictures(folder)}
    return [image for image, group in groups.items() if image and group and image not in here]


def _groups(found: Iterable[tuple[str, str, int, str]]) -> dict[str, str]:
    """Name each group by its smallest checksum: stable whatever numbers the CSV gave; equal bytes are united."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    rows = list(found)
    for image, checksum, _, group in rows:
        for other in filter(None, (f"sha:{checksum}", f"csv:{group}" if group else "")):
            parent[root(image)] = root(other)
    smallest: dict[str, str] = {}
    for image, checksum, _, _ in rows:
        key = root(image)
        smallest[key] = min(smallest.get(key, checksum), checksum)
    return {image: smallest[root(image)][:16] for image, _, _, _ in rows}


def _parts(seed: int, labels: Mapping[str, set[int]]) -> dict[str, str]:
    """group -> part, of groups with the classes that they hold.

    To a part without a class comes the group of that class whose hash lies nearest to the part's, out of a part that
    keeps others of all its classes; with four groups that hold this class alone, or more, there is one.
    """
    position = {group: _position(seed, group) for group in labels}
    part_of = {group: _part(where) for group, where in position.items()}
    holds = Counter((part_of[group], label) for group, held in labels.items() for label in held)
    end = 0.0
    for part, fraction in PARTS.items():
        begin, end = end, end + fraction
        for label in sorted(set().union(*labels.values())):
            if holds[part, label]:
                continue
            spare = [
                (max(begin - position[group], position[group] - end), group)
                for group, held in labels.items()
                if label in held and all(holds[part_of[group], each] > 1 for each in held)
            ]
            if spare:
                _, nearest = min(spare)
                holds.subtract((part_of[nearest], each) for each in labels[nearest])
                holds.update((part, each) for each in labels[nearest])
                part_of[nearest] = part
    return part_of


def _position(seed: int, group: str) -> float:
    """Where the hash of a group lies between 0 and 1."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _part(position: float) -> str:
    for part, fraction in PARTS.items():
        if position < fraction:
            return part
        position -= fraction
    return "test"


def split_csv(samples: Iterable[Sample], classes: Classes = BINARY) -> str:
    """The split as CSV text: checksum,label,part,group; no file names, so it may be published with the weights."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["checksum", "label", "part", "group"])
    writer.writerows(sorted((s.checksum, classes.names[s.label], s.part, s.group) for s in samples))
    return out.getvalue()
