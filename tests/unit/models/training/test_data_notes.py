"""What the manifest says of the data: notes as they were written, and counts that are true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.classes import BINARY, classes_of
from models.errors import UsageFault
from models.training.data_notes import described, read_notes
from models.training.split import Sample


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two benign pictures; two malignant ones, of which one has dark corners."""
    for number, name in enumerate(("benign/0.png", "benign/1.png", "malignant/0.png", "malignant/1.png")):
        picture = np.full((96, 96, 3), 150 + number, np.uint8)
        if number == 3:
            rows, columns = np.mgrid[:96, :96] - 47.5
            picture[np.hypot(rows, columns) > 47] = 5
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / name)
    return tmp_path


def test_classes_dark_corners_and_copies_are_counted(data: Path) -> None:
    samples = [
        Sample("benign/0.png", "a", 0, "g1", "train"),
        Sample("benign/1.png", "b", 0, "g1", "train"),
        Sample("malignant/0.png", "c", 1, "g2", "test"),
        Sample("malignant/1.png", "d", 1, "g3", "test"),
    ]
    assert described(data, samples, BINARY, {"name": "drawn"}) == {
        "name": "drawn",
        "found": {
            "classes": {
                "benign": {"images": 2, "dark_corners": 0.0},
                "malignant": {"images": 2, "dark_corners": 0.5},
            },
            "near_duplicates": {"groups": 1, "images": 2},
        },
    }


def test_every_one_of_several_classes_has_a_row(data: Path) -> None:
    """The folders are those of the fixture; what they mean is said by the classes."""
    classes = classes_of(["bkl", "mel", "nv"], ["mel"])
    samples = [
        Sample("benign/0.png", "a", 2, "g1", "train"),
        Sample("malignant/0.png", "c", 1, "g2", "train"),
        Sample("malignant/1.png", "d", 0, "g3", "test"),
    ]
    assert described(data, samples, classes, {})["found"]["classes"] == {
        "bkl": {"images": 1, "dark_corners": 1.0},
        "mel": {"images": 1, "dark_corners": 0.0},
        "nv": {"images": 1, "dark_corners": 0.0},
    }


def test_notes_are_read_as_they_are(tmp_path: Path) -> None:
    notes = {"name": "ours", "leaks": ["one"], "limits": []}
    (tmp_path / "notes.json").write_text(json.dumps(notes))
    assert read_notes(tmp_path / "notes.json") == notes


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "expected a JSON file"), ("[]", "expected an object of name, source"), ('{"size": 1}', "received size"),
     ('{"name": 5}', "name: expected text, received 5"), ('{"leaks": "one"}', "leaks: expected a list of texts")],
)  # fmt: skip
def test_wrong_notes_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "notes.json").write_text(text)
    with pytest.raises(UsageFault, match=said):
        read_notes(tmp_path / "notes.json")
