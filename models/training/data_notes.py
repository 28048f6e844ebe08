"""What is known of the data that a network was trained on: what people wrote down, and what can be counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.classes import Classes
from models.decoding import decode
from models.errors import UsageFault
from models.rounding import decimal
from models.training.cues import dark_corners
from models.training.fingerprints import SIDE, luminance, small
from models.training.split import Sample

TEXTS = ("name", "source", "licence")
LISTS = ("leaks", "limits")

COLLECTIONS = Path(__file__).parents[1] / "collections"
"""Notes on public collections, for `screen model train --data-notes`."""


def read_notes(path: Path) -> dict[str, Any]:
    """The notes of a JSON file: any of the texts ``name, source, licence`` and the lists ``leaks, limits``.

    Raises UsageFault that names what is wrong.
    """
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageFault(f"the notes on the data cannot be read: expected a JSON file, received {error}") from error
    if not isinstance(notes, dict) or not notes.keys() <= {*TEXTS, *LISTS}:
        received = ", ".join(notes) if isinstance(notes, dict) else type(notes).__name__
        raise UsageFault(f"notes on the data: expected an object of {', '.join(TEXTS + LISTS)}, received {received}")
    for key, value in notes.items():
        wrong = not isinstance(value, str) if key in TEXTS else not _texts(value)
        if wrong:
            expected = "text" if key in TEXTS else "a list of texts"
            raise UsageFault(f"notes on the data: {key}: expected {expected}, received {value!r}")
    return notes


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def described(data: Path, samples: Sequence[Sample], classes: Classes, notes: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's ``data``: the notes, and what the images themselves show (1 ms each).

    ``found`` holds for each class its images and the share (0..1) of those with dark corners, and the groups of copies
    with the images in them.
    """
    copies = [number for number in Counter(sample.group for sample in samples).values() if number > 1]
    return dict(notes) | {
        "found": {
            "classes": {
                name: _of_class(data, [sample for sample in samples if sample.label == label])
                for label, name in enumerate(classes.names)
            },
            "near_duplicates": {"groups": len(copies), "images": sum(copies)},
        }
    }


def _of_class(data: Path, samples: Sequence[Sample]) -> dict[str, Any]:
    dark = sum(_has_dark_corners(data / sample.image) for sample in samples)
    return {"images": len(samples), "dark_corners": decimal(dark / max(len(samples), 1))}


def _has_dark_corners(path: Path) -> bool:
    picture = small(decode(path.read_bytes(), path.suffix, at_least=SIDE))
    return bool(dark_corners(luminance(np.asarray(picture[None])))[0])
