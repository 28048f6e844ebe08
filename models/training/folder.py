"""Reading a folder of labelled pictures, one folder a class, once: what each file is, shows and looks like."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.checksum import sha256_hex
from models.decoding import decode
from models.errors import ImageRefused, UsageFault
from models.inspection import inspect, too_many_bytes
from models.limits import MAX_FILE_BYTES
from models.training import files
from models.training.cues import CUES, cues_of, cues_of_file
from models.training.duplicates import Told
from models.training.fingerprints import SIDE, Fingerprints, fingerprints, joined, lit_area, luminance, small

BLOCK = 256  # pictures whose fingerprints are computed at once: 80 MB


@dataclass(frozen=True)
class Labelled:
    """One readable picture."""

    image: str  # "label/name", as in the CSV of groups
    label: str
    checksum: str
    format: str
    width: int  # pixels as stored
    height: int


@dataclass(frozen=True)
class Unreadable:
    """One file that no picture can be made of, and why."""

    image: str
    label: str
    reason: str


@dataclass(frozen=True)
class LabelledFolder:
    """All of a folder: n readable pictures with their cues (n, len(CUES)) and fingerprints, and the rest."""

    pictures: list[Labelled]
    cues: NDArray[np.float64]
    prints: Fingerprints
    unreadable: list[Unreadable]
    passed_over: int  # files in the class folders whose extension is that of no picture, and those nested
    nested: list[str]  # pictures in folders below those of the classes


def read_folder(data: Path, told: Told) -> LabelledFolder:
    """Read every picture of DATA/CLASS/. ``told`` is called with the files read so far and all of them.

    Files whose name begins with a dot are passed over unsaid, others by their extension or since they lie in deeper
    folders, as training does (`models.training.files`). Raises UsageFault when no folder in DATA holds a picture.
    """
    found = [(folder.name, path) for folder in files.folders(data) for path in files.pictures(folder)]
    nested = files.nested(data)
    if not found:
        raise UsageFault(
            f"expected one folder a class with pictures in it, such as benign/ and malignant/, found none: {data}"
            + (f"; there are {files.told(nested)}" if nested else "")
        )
    passed_over = sum(len(files.others(folder)) for folder in files.folders(data)) + len(nested)
    pictures: list[Labelled] = []
    unreadable: list[Unreadable] = []
    cues: list[NDArray[np.float64]] = []
    prints: list[Fingerprints] = []
    small_ones: list[NDArray[np.uint8]] = []
    of_files: list[list[float]] = []

    def compute() -> None:
        rgb = np.stack(small_ones)
        grey = luminance(rgb)
        lit = lit_area(grey)
        prints.append(fingerprints(grey, lit))
        cues.append(np.concatenate([cues_of(rgb, grey, lit), np.array(of_files)], axis=1))
        small_ones.clear()
        of_files.clear()

    for number, (label, path) in enumerate(found, start=1):
        try:
            picture, shown, of_file = _read(label, path)
        except ImageRefused as refusal:
            unreadable.append(Unreadable(f"{label}/{path.name}", label, str(refusal)))
        else:
            pictures.append(picture)
            small_ones.append(shown)
            of_files.append(of_file)
            if len(small_ones) == BLOCK:
                compute()
        told(number, len(found))
    if small_ones:
        compute()
    if not pictures:
        return LabelledFolder([], np.empty((0, len(CUES))), _no_prints(), unreadable, passed_over, nested)
    return LabelledFolder(pictures, np.concatenate(cues), joined(prints), unreadable, passed_over, nested)


def _read(label: str, path: Path) -> tuple[Labelled, NDArray[np.uint8], list[float]]:
    """One picture, itself made small, and the cues of its file. Raises ImageRefused."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ImageRefused(too_many_bytes(size))
        data = path.read_bytes()
    except OSError as error:
        raise ImageRefused(f"cannot be read: {os.strerror(error.errno) if error.errno else 'unknown'}") from error
    facts = inspect(data, path.suffix)
    shown = small(decode(data, path.suffix, at_least=SIDE))
    picture = Labelled(f"{label}/{path.name}", label, sha256_hex(data), facts.format.value, facts.width, facts.height)
    return picture, shown, cues_of_file(data, facts)


def _no_prints() -> Fingerprints:
    grey = np.empty((0, SIDE, SIDE), np.float32)
    return fingerprints(grey, grey > 0)
