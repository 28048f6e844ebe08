"""Outputs become the probability of malignant in one place, whatever the head."""

from __future__ import annotations

import numpy as np
import pytest

from models.answers import Answers, answers, most_probable
from models.calibration import TEMPERATURE, UNCALIBRATED, Calibration, fit_class_temperature, fit_temperature
from models.classes import BINARY, Classes
from models.distribution import Strange

THREE = Classes(("mel", "nv", "bcc"), ("mel", "bcc"))


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (50, 3))


def test_one_unit_is_the_probability() -> None:
    found = answers(np.array([[0.25], [1.0]], np.float32), BINARY, UNCALIBRATED)
    assert found.malignant.tolist() == [0.25, 1.0]
    assert (found.of_classes, found.by_class()) == (None, [None, None])


def test_several_classes_are_summed(logits: np.ndarray) -> None:
    found = answers(softmax(logits).astype(np.float32), THREE, UNCALIBRATED)
    assert found.malignant == pytest.approx(softmax(logits)[:, [0, 2]].sum(axis=1), abs=1e-6)
    assert found.of_classes is not None
    assert found.of_classes.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-12)
    first = found.by_class()[0]
    assert first is not None
    assert list(first) == ["mel", "nv", "bcc"]
    assert first[most_probable(first)] == max(first.values())


def test_a_temperature_divides_the_logits(logits: np.ndarray) -> None:
    found = answers(softmax(logits), THREE, Calibration(TEMPERATURE, 2.5))
    assert found.of_classes == pytest.approx(softmax(logits / 2.5), abs=1e-5)
    assert found.malignant == pytest.approx(softmax(logits / 2.5)[:, [0, 2]].sum(axis=1), abs=1e-5)


def test_a_certain_softmax_stays_within_0_and_1() -> None:
    certain = np.array([[0.6, 0.0, 0.4], [0.0, 1.0, 0.0]])
    for calibration in (UNCALIBRATED, Calibration(TEMPERATURE, 0.3)):
        found = answers(certain, THREE, calibration).malignant
        assert found == pytest.approx([1, 0], abs=1e-6)
        assert found.max() <= 1


def test_two_units_say_what_one_unit_says() -> None:
    """A softmax of two is the sigmoid of their difference, under any temperature."""
    two = Classes(("nv", "mel"), ("mel",))
    malignant = np.random.default_rng(2).uniform(0.01, 0.99, 40)
    calibration = Calibration(TEMPERATURE, 1.7)
    found = answers(np.stack([1 - malignant, malignant], axis=1), two, calibration)
    assert found.malignant == pytest.approx(answers(malignant, BINARY, calibration).malignant, abs=1e-6)


def test_the_fit_finds_the_temperature_that_was_taken_away() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (20_000, 3))
    truth = np.array([rng.choice(3, p=row) for row in softmax(logits)])
    assert fit_class_temperature(truth, softmax(3 * logits)).temperature == pytest.approx(3, rel=0.05)


def test_the_fit_of_two_classes_is_that_of_one_unit() -> None:
    rng = np.random.default_rng(4)
    malignant = rng.uniform(0.01, 0.99, 500)
    truth = (rng.uniform(size=500) < malignant**2).astype(np.int64)
    two = fit_class_temperature(truth, np.stack([1 - malignant, malignant], axis=1))
    assert two.temperature == pytest.approx(fit_temperature(truth, malignant).temperature, abs=1e-4)


@pytest.mark.parametrize(
    ("ungradable", "far", "told"),
    [
        (None, False, "unlike"),
        (None, True, "unlike"),
        ("blurred: 1", False, "blurred: 1"),
        ("blurred: 1", True, "unlike"),  # a small face, enlarged
        ("a part is missing: 9%", True, "unlike"),  # a chart on pale paper
        ("no colour: 1", True, "no colour: 1"),
    ],
)
def test_what_is_far_from_all_lesions_is_no_poor_picture_of_one(ungradable: str | None, far: bool, told: str) -> None:
    strange = Answers(np.array([0.9, 0.9]), strange=(Strange("unlike", far), None))
    assert strange.reasons([ungradable, ungradable]) == [told, ungradable]
    assert Answers(np.array([0.9])).reasons([ungradable]) == [ungradable]
