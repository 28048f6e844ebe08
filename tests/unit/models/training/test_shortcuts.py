"""A planted shortcut is warned of, chance is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.training.cues import CUES
from models.training.shortcuts import Shortcut, auc_interval, roc_auc, shortcuts

NAMES = list(CUES)


def noise(count: int, seed: int = 0) -> np.ndarray:
    cues = np.random.default_rng(seed).normal(0, 1, (count, len(CUES)))
    cues[:, 0] = 0
    return cues


def of(found: list[Shortcut], cue: str) -> Shortcut:
    [one] = [item for item in found if item.cue == cue]
    return one


def test_roc_auc_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(1)
    values, labels = rng.integers(0, 8, 300).astype(float), rng.integers(0, 2, 300)
    assert roc_auc(values[labels == 1], values[labels == 0]) == pytest.approx(roc_auc_score(labels, values))


def test_interval_is_that_of_hanley_and_mcneil() -> None:
    # their paper: an area of 0.893 from 51 abnormal and 58 normal cases has a standard error of 0.032
    low, high = auc_interval(0.893, 51, 58)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.032, abs=0.001)


@pytest.mark.parametrize("count", [20, 40, 400])
def test_chance_is_not_warned_of(count: int) -> None:
    labels = ["benign", "malignant"] * (count // 2)
    warned = [item.cue for seed in range(10) for item in shortcuts(noise(count, seed), labels) if item.warned]
    assert len(warned) <= 1


def test_dark_corners_on_a_quarter_of_one_class_are_warned_of_although_the_auc_is_low() -> None:
    cues = noise(400)
    cues[:48, 0] = 1
    found = of(shortcuts(cues, ["malignant"] * 200 + ["benign"] * 200), "dark corners")
    assert (found.label, found.direction, found.share, found.share_others) == ("malignant", "yes", 0.24, 0.0)
    assert found.roc_auc == pytest.approx(0.62)
    assert found.warned


def test_the_class_with_the_giveaway_is_named_whichever_it_is() -> None:
    cues = noise(400)
    cues[:48, 0] = 1
    assert of(shortcuts(cues, ["benign"] * 200 + ["malignant"] * 200), "dark corners").label == "benign"


def test_a_shifted_cue_is_warned_of_by_its_auc() -> None:
    cues = noise(400)
    cues[:200, NAMES.index("file size")] += 1
    found = shortcuts(cues, ["malignant"] * 200 + ["benign"] * 200)
    assert [item.cue for item in found if item.warned] == ["file size"]
    assert max(of(found, "file size").roc_auc, 1 - of(found, "file size").roc_auc) > 0.7


def test_three_classes_are_each_told_from_the_others() -> None:
    cues = noise(300)
    cues[:100, NAMES.index("brightness")] += 5
    found = [item for item in shortcuts(cues, ["a"] * 100 + ["b"] * 100 + ["c"] * 100) if item.cue == "brightness"]
    assert (found[0].label, found[0].direction) == ("a", "high")
    assert [item.label for item in found] == ["a", "b", "c"]
    assert found[0].warned


def test_one_class_or_too_few_images_or_nothing_measured_say_nothing() -> None:
    assert shortcuts(noise(40), ["benign"] * 40) == []
    assert shortcuts(noise(12), ["benign"] * 9 + ["malignant"] * 3) == []
    cues = noise(40)
    cues[:, NAMES.index("JPEG quality")] = np.nan
    found = shortcuts(cues, ["benign", "malignant"] * 20)
    assert [item.cue for item in found] == NAMES[:-1]


def test_no_pictures_at_all() -> None:
    assert shortcuts(np.empty((0, len(CUES))), []) == []
