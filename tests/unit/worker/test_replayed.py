"""A score beside its record: what is identical, what is borne by the tolerance, and what does not hold."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from storage.chunks import ChunkImage
from storage.replay import Record
from worker.replayed import Score, compare, not_replayable

TOLERANCE = Decimal("0.0001")
CHECKSUM = "ab" * 32


def record(probability: str = "0.430000", outcome: str = "clear", reason: str | None = None, **rows: Any) -> Record:
    event = {
        "checksum": CHECKSUM, "probability": probability, "outcome": outcome, "reason": reason, "threshold": "0.500000",
        "policy": "sensitivity-95/1", "model": "tested-1", "classes": rows.pop("classes_text", None),
    }  # fmt: skip
    made = Record(
        image=ChunkImage(7, "ward/7.jpg", "/ward/7.jpg", CHECKSUM), batch="b", model="tested-1",
        policy="sensitivity-95/1", threshold=0.5, preprocessing="square-1", probability=probability, graded=reason,
        classes=None, outcome=outcome, reason=reason, decided={k: v for k, v in event.items() if v}, weights="0" * 64,
    )  # fmt: skip
    return replace(made, **rows)


def test_every_digit_the_same() -> None:
    found = compare(record(), Score(0.4300004, None))
    assert found.identical
    assert (found.now, found.difference, found.outcome) == ("0.430000", 0, "clear")
    assert found.broken(Decimal(0)) == []


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (0.430001, []),
        (0.4301, []),  # at the tolerance, in decimal text and not in binary fractions
        (0.430101, ["probability 0.430000 on record, 0.430101 now"]),
        (0.9, ["probability 0.430000 on record, 0.900000 now", "outcome clear on record, flagged now"]),
    ],
)
def test_the_tolerance(now: float, wrong: list[str]) -> None:
    found = compare(record(), Score(now, None))
    assert not found.identical
    assert found.broken(TOLERANCE) == wrong


def test_another_outcome_is_never_tolerated() -> None:
    found = compare(record("0.499999"), Score(0.5, None))
    assert found.difference == Decimal("0.000001")
    assert found.broken(TOLERANCE) == ["outcome clear on record, flagged now"]


def test_a_number_in_a_reason_may_move_its_kind_may_not() -> None:
    recorded = record(outcome="review", reason="blurred: sharpness 5.99, expected at least 6.00")
    moved = compare(recorded, Score(0.43, "blurred: sharpness 5.98, expected at least 6.00"))
    assert not moved.identical
    assert moved.broken(TOLERANCE) == []
    other = compare(recorded, Score(0.43, "a part is missing: 9% of the picture"))
    assert len(other.broken(TOLERANCE)) == 1
    gone = compare(recorded, Score(0.43, None))
    assert gone.broken(TOLERANCE)[0] == "outcome review on record, clear now"


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ({"probability": "0.430010"}, "probability 0.430010 in the database, 0.430000 on the audit chain"),
        ({"outcome": "flagged"}, "outcome flagged in the database, clear on the audit chain"),
        ({"threshold": 0.4}, "threshold 0.400000 in the database, 0.500000 on the audit chain"),
        ({"graded": "blurred: no"}, "the decision says no reason, the prediction blurred: no"),
        ({"decided": {}}, "the audit chain holds no decision of it"),
        ({"classes": {"mel": 0.43}}, "the probabilities of the classes in the database are not those on the"),
        ({"probability": None}, "its decision or prediction is gone from the database"),
    ],
)
def test_rows_that_were_changed_show_whatever_the_tolerance(rows: dict[str, Any], wrong: str) -> None:
    recorded = replace(record(), **rows)
    found = compare(recorded, Score(0.43, None))
    assert not found.identical
    assert any(said.startswith(wrong) for said in found.broken(Decimal(1)))
    assert not_replayable(recorded, "the file is no longer there").broken(Decimal(1)) != []


def test_of_several_classes_each_is_compared() -> None:
    text = '{"nv": 0.57, "mel": 0.43}'
    recorded = record(classes={"nv": 0.57, "mel": 0.43}, classes_text=text)
    assert compare(recorded, Score(0.43, None, {"nv": 0.57, "mel": 0.43})).identical
    found = compare(recorded, Score(0.43, None, {"nv": 0.5, "bkl": 0.07, "mel": 0.43}))
    assert found.difference == Decimal("0.070000")
    assert found.broken(TOLERANCE) == ["the probability of a class differs by 0.070000"]
