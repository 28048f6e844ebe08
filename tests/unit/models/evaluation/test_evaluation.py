"""Images that a model version was made with are told apart, and loudly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from models.catalogue import DEFAULT_MODEL, find
from models.evaluation.cases import Case
from models.evaluation.evaluation import Evaluation, evaluate, warnings
from models.evaluation.parts import used_for

POINTS = [("t", 0.5)]


def evaluated(cases: list[Case], *, has_split: bool = True) -> Evaluation:
    return evaluate(cases, POINTS, [0.05], has_split=has_split)


def test_held_back_images_are_measured_apart(drawn: Callable[..., list[Case]]) -> None:
    parts = ("train", "validation", "calibration", "test", "")
    cases = [replace(case, part=parts[number % 5]) for number, case in enumerate(drawn(500))]
    told: list[tuple[int, int]] = []
    found = evaluate(cases, POINTS, [0.05], has_split=True, on_set=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert found.held_back is not None
    assert (found.everything.images, found.held_back.images, found.used) == (500, 200, 300)
    assert found.headline is found.held_back
    assert found.held_back == evaluated([case for case in cases if case.part in ("test", "")]).everything
    assert found.parts == {"": 100, "calibration": 100, "test": 100, "train": 100, "validation": 100}
    assert found.as_json()["parts_of_the_split"]["not_in_split"] == 100
    assert found.as_json()["headline"] == "held_back"
    (loud, *_) = warnings(found, "m-1")
    assert "100 of the 500 images are images that m-1 was TRAINED on" in loud
    assert "100 of the part calibration (its thresholds were chosen on them)" in loud
    assert "200 held-back images are reported apart" in loud


def test_held_back_images_alone_need_no_word(drawn: Callable[..., list[Case]]) -> None:
    found = evaluated([replace(case, part="test") for case in drawn(400)])
    assert found.held_back is None
    assert found.as_json()["headline"] == "all"
    assert warnings(found, "m-1") == []


def test_trained_images_alone_measure_nothing(drawn: Callable[..., list[Case]]) -> None:
    found = evaluated([replace(case, part="train") for case in drawn(400)])
    assert found.held_back is None
    assert "No image is held back" in warnings(found, "m-1")[0]


def test_used_but_not_trained_on(drawn: Callable[..., list[Case]]) -> None:
    found = evaluated([replace(case, part="calibration") for case in drawn(400)])
    assert "TRAINED" not in warnings(found, "m-1")[0]
    assert "Among the images are 400 of the part calibration" in warnings(found, "m-1")[0]


def test_of_the_default_version_the_validation_part_was_trained_on_too(drawn: Callable[..., list[Case]]) -> None:
    used = used_for(find(DEFAULT_MODEL, Path("/none")).manifest)
    parts = ("train", "train", "validation", "calibration", "test")
    cases = [replace(case, part=parts[number % 5]) for number, case in enumerate(drawn(500))]
    found = evaluate(cases, POINTS, [0.05], has_split=True, used_for=used)
    assert (found.used, found.headline.images) == (400, 100)
    (loud, *_) = warnings(found, "m-1")
    assert "300 of the 500 images are images that m-1 was TRAINED on (of its parts train and validation)." in loud
    assert "Among the others are 100 of the part calibration (its thresholds were chosen on them)." in loud
    assert "picked" not in loud
    alone = evaluate([case for case in cases if case.part == "validation"], POINTS, [], has_split=True, used_for=used)
    (loud, *_) = warnings(alone, "m-1")
    assert "100 of the 100 images are images that m-1 was TRAINED on (of its part validation). No image" in loud


def test_without_a_split_nobody_knows(drawn: Callable[..., list[Case]]) -> None:
    found = evaluated(drawn(400), has_split=False)
    assert found.parts is None
    assert "cannot be told whether it was trained" in warnings(found, "m-1")[0]


def test_too_few_images_are_said(five: list[Case]) -> None:
    assert "Only 2 malignant and 3 benign images count" in warnings(evaluated(five), "m-1")[-1]


def test_subgroups_of_the_images_that_count(drawn: Callable[..., list[Case]]) -> None:
    cases = [
        replace(case, part="train" if number < 100 else "test", subgroup=("north", "south")[number % 2])
        for number, case in enumerate(drawn(300))
    ]
    found = evaluated(cases)
    assert {name: item.images for name, item in found.subgroups.items()} == {"north": 100, "south": 100}
    assert found.subgroups["north"] == evaluated(cases[100::2]).everything
