"""What is wrong with a folder of training data: copies, conflicting labels, unreadable files, shortcuts."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import IO, Any

import numpy as np

from models.csv_cells import harmless
from models.rounding import decimal
from models.training.cues import CUES, DARK_CORNERS
from models.training.duplicates import Told, duplicate_groups
from models.training.folder import Labelled, LabelledFolder, Unreadable
from models.training.shortcuts import AUC_LIMIT, SHARE_LIMIT, Shortcut, shortcuts


@dataclass(frozen=True)
class ClassFacts:
    """One class of the folder."""

    label: str
    images: int  # readable
    unreadable: int
    share: float  # of all readable images, 0..1
    dark_corners: float  # share of its readable images, 0..1
    sizes: dict[str, int]  # "width x height" -> images, the most frequent first
    formats: dict[str, int]  # format -> images, likewise


@dataclass(frozen=True)
class DataCheck:
    """All that was found."""

    classes: list[ClassFacts]
    groups: list[list[Labelled]]  # near-duplicates, each group 2 or more
    conflicts: list[list[Labelled]]  # those groups that have more than one label
    unreadable: list[Unreadable]
    passed_over: int
    shortcuts: list[Shortcut]
    nested: list[str] = field(default_factory=list)  # those passed over that are pictures, in deeper folders

    @property
    def sound(self) -> bool:
        """No file is unreadable, no labels conflict, and there are classes to tell apart.

        Copies and shortcuts are for a person to judge.
        """
        return not self.unreadable and not self.conflicts and not self.one_class

    @property
    def one_class(self) -> str:
        """The name of the only class with a readable picture, "" where there are more: nothing can be learned then."""
        names = [facts.label for facts in self.classes if facts.images]
        return names[0] if len(names) == 1 else ""

    @property
    def exact_copies(self) -> int:
        """Images beyond the first of each checksum."""
        return sum(len(group) - len({picture.checksum for picture in group}) for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        """Everything as one JSON object; shares and ROC-AUCs 0..1 with six decimals."""
        return {
            "sound": self.sound,
            "images": sum(facts.images for facts in self.classes),
            "classes": [_rounded(asdict(facts)) for facts in self.classes],
            "near_duplicates": {
                "groups": len(self.groups),
                "images": sum(map(len, self.groups)),
                "exact_copies": self.exact_copies,
                "members": _names(self.groups),
            },
            "label_conflicts": _names(self.conflicts),
            "unreadable": [{"image": file.image, "reason": file.reason} for file in self.unreadable],
            "passed_over": self.passed_over,
            "nested": self.nested,
            "limits": {"roc_auc": AUC_LIMIT, "share": SHARE_LIMIT},
            "shortcuts": [_rounded(asdict(shortcut)) for shortcut in self.shortcuts],
        }


def check(folder: LabelledFolder, comparing: Told) -> DataCheck:
    """Check what was read of a folder: 12,000 images take about a minute.

    ``comparing`` is called with the blocks compared so far and all of them.
    """
    groups = near_duplicates(folder, comparing)
    return DataCheck(
        classes=_classes(folder),
        groups=groups,
        conflicts=[group for group in groups if len({picture.label for picture in group}) > 1],
        unreadable=folder.unreadable,
        passed_over=folder.passed_over,
        shortcuts=shortcuts(folder.cues, [picture.label for picture in folder.pictures]),
        nested=folder.nested,
    )


def near_duplicates(folder: LabelledFolder, comparing: Told) -> list[list[Labelled]]:
    """The groups of copies of one picture, whatever their labels."""
    checksums = [picture.checksum for picture in folder.pictures]
    found = duplicate_groups(folder.prints, checksums, comparing)
    return [[folder.pictures[position] for position in group] for group in found]


def write_groups(file: IO[str], groups: Sequence[Sequence[Labelled]]) -> None:
    """The groups as CSV (group,image), which `models.training.split.read_groups` reads."""
    writer = csv.writer(file, lineterminator="\n")
    # a file name may hold a bare \r, which Python before 3.13 does not quote and every reader takes for a line's end
    careful = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["group", "image"])
    for number, group in enumerate(groups, start=1):
        for picture in group:
            name = harmless(picture.image)
            (careful if "\r" in name else writer).writerow((number, name))


def _names(groups: Sequence[Sequence[Labelled]]) -> list[list[str]]:
    return [[picture.image for picture in group] for group in groups]


def _classes(folder: LabelledFolder) -> list[ClassFacts]:
    bad = Counter(file.label for file in folder.unreadable)
    dark = folder.cues[:, list(CUES).index(DARK_CORNERS)]
    labels = np.array([picture.label for picture in folder.pictures], dtype=object)
    found = []
    for label in sorted({*labels.tolist(), *bad}):
        own = [picture for picture in folder.pictures if picture.label == label]
        found.append(
            ClassFacts(
                label=label,
                images=len(own),
                unreadable=bad[label],
                share=len(own) / max(len(labels), 1),
                dark_corners=float(dark[labels == label].mean()) if own else 0.0,
                sizes=dict(Counter(f"{picture.width} x {picture.height}" for picture in own).most_common()),
                formats=dict(Counter(picture.format for picture in own).most_common()),
            )
        )
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return decimal(value) if isinstance(value, float) else value
