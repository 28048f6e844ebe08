"""Who trains with few malignant images is told what that costs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cli.judging_point import judging_point
from models.catalogue import SHIPPED
from models.manifest import parse


def told(malignant: int, judges: str, left: tuple[str, ...]) -> str:
    """What is said of a version with these operating points, that many malignant images in its calibration part."""
    raw: dict[str, Any] = json.loads((SHIPPED / "hidri-2" / "manifest.json").read_text(encoding="utf-8"))
    raw["operating_points"] = {name: raw["operating_points"][name] for name in left}
    raw["operating_points"][judges]["expected"]["calibration"]["sensitivity"] = 0.8
    raw["metrics"]["calibration"]["malignant"] = malignant
    return " ".join(judging_point(parse(json.dumps(raw | {"name": "ours-1", "default_operating_point": judges}))))


def test_the_usual_one_is_named_and_nothing_is_warned_of() -> None:
    every = ("f1", "sensitivity-90", "sensitivity-95", "sensitivity-98")
    assert told(500, every[2], every).startswith(
        "ours-1 judges by sensitivity-95 (sensitivity >= 95%, lower 95 % bound), "
    )
    assert not {"Warning", "Not there"} & set(told(500, every[2], every).split())
    assert "Warning" not in told(100, every[2], every[:3])


@pytest.mark.parametrize(
    ("malignant", "judges", "left", "expected"),
    [
        (
            100,
            "sensitivity-95",
            3,
            "Not there: sensitivity-98 (needs 189): the calibration part has 100 malignant images",
        ),
        (
            60,
            "sensitivity-90",
            2,
            "Not there: sensitivity-95 (needs 73), sensitivity-98 (needs 189): the calibration part ",
        ),
        (60, "sensitivity-90", 2, "Warning: sensitivity-90 is not sensitivity-95; it missed 20.0 % of the malignant"),
        (20, "f1", 1, "Not there: sensitivity-90 (needs 35), sensitivity-95 (needs 73), sensitivity-98 (needs 189)"),
        (
            20,
            "f1",
            1,
            "Warning: f1 is not sensitivity-95 and promises no sensitivity; it missed 20.0 % of the malignant",
        ),
    ],
)
def test_what_is_missing_is_told_with_its_cause(malignant: int, judges: str, left: int, expected: str) -> None:
    assert expected in told(malignant, judges, ("f1", "sensitivity-90", "sensitivity-95")[:left])
