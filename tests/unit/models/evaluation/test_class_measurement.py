"""Each number of several classes is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, recall_score, roc_auc_score

from models.classes import Classes
from models.evaluation.cases import Case
from models.evaluation.class_measurement import measure_cases, measure_classes

THREE = Classes(("bcc", "mel", "nv"), ("bcc", "mel"))


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """300 images with ties: probabilities of one decimal."""
    rng = np.random.default_rng(5)
    truth = rng.choice(3, 300, p=[0.1, 0.3, 0.6])
    raised = np.exp(rng.normal(1.5 * np.eye(3)[truth], 1))
    return truth, np.round(raised / raised.sum(axis=1, keepdims=True), 1)


def test_numbers_are_those_of_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probabilities = drawn
    found = measure_classes(truth, probabilities, [f"{n}" for n in range(300)], THREE)
    said = probabilities.argmax(axis=1)
    assert np.array_equal(found.confusion, confusion_matrix(truth, said))
    assert [row.sensitivity.value for row in found.rows] == pytest.approx(recall_score(truth, said, average=None))
    for number, row in enumerate(found.rows):
        assert row.roc_auc.value == pytest.approx(roc_auc_score(truth == number, probabilities[:, number]))
        for estimate in (row.roc_auc, row.sensitivity):
            assert estimate.value is not None and estimate.interval is not None
            assert estimate.interval[0] < estimate.value < estimate.interval[1]
    assert found.accuracy.value == pytest.approx((said == truth).mean())
    assert found.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(truth, said))


def test_copies_in_one_group_make_nothing_surer(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    truth, probabilities = drawn
    names = [f"{n:03}" for n in range(300)]
    alone = measure_classes(truth, probabilities, names, THREE)
    thrice = [name for name in names for _ in range(3)]
    copied = measure_classes(np.repeat(truth, 3), np.repeat(probabilities, 3, axis=0), thrice, THREE)
    assert copied.rows[1].sensitivity.interval == pytest.approx(alone.rows[1].sensitivity.interval)
    assert copied.accuracy.value == pytest.approx(alone.accuracy.value)


def test_a_class_without_images_has_no_numbers() -> None:
    found = measure_classes(np.array([0, 1, 1]), np.eye(3)[[0, 1, 2]], ["a", "b", "c"], THREE)
    assert (found.rows[2].sensitivity.value, found.rows[2].roc_auc.value) == (None, None)
    assert found.balanced_accuracy.value is None
    assert found.confusion == ((1, 0, 0), (0, 1, 1), (0, 0, 0))
    # all of one image: not certain
    low, high = found.rows[0].sensitivity.interval or (None, None)
    assert low is not None and low < 0.5 and high == 1


def test_only_cases_whose_class_is_known_count() -> None:
    said = {"bcc": 0.2, "mel": 0.7, "nv": 0.1}
    cases = [Case(1, 0.9, "a", class_name="mel", by_class=said), Case(1, 0.9, "b", by_class=said)]
    found = measure_cases(cases, THREE)
    assert found is not None
    assert (found.images, found.confusion[1]) == (1, (0, 1, 0))
    assert measure_cases(cases[1:], THREE) is None
