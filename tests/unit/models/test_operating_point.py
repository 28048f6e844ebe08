"""A threshold keeps what its operating point promises, and no higher one would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.errors import UsageFault
from models.intervals import wilson
from models.operating_point import SENSITIVITIES, Performance, choose, fewest, performance
from models.rounding import decimal

Data = tuple[NDArray[np.int64], NDArray[np.float64]]
NEEDED = {"sensitivity-90": 35, "sensitivity-95": 73, "sensitivity-98": 189}  # n / (n + 1.96^2) >= promise


@st.composite
def scored(draw: st.DrawFn, positives: int = 0) -> Data:
    """Labels and rounded probabilities; few distinct values make ties, many make none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    malignant = draw(st.integers(positives, positives + 60))
    benign = draw(st.integers(1, 120))
    steps = draw(st.sampled_from([1, 7, 100, 10**6]))
    shift = draw(st.floats(0, 3))
    labels = rng.permutation(np.repeat([1, 0], [malignant, benign]))
    raw = 1 / (1 + np.exp(-rng.normal(0, 1, len(labels)) - shift * labels))
    return labels, np.array([decimal(np.round(value * steps) / steps) for value in raw])


def caught(data: Data, threshold: float) -> int:
    return sum(1 for label, probability in zip(*data, strict=True) if label == 1 and probability >= threshold)


def f1(data: Data, threshold: float) -> float:
    flagged = sum(1 for probability in data[1] if probability >= threshold)
    return 2 * caught(data, threshold) / (flagged + sum(data[0]))


@pytest.mark.parametrize("name", SENSITIVITIES)
@given(given_data=st.data())
def test_the_lower_bound_holds_and_that_of_the_next_higher_candidate_does_not(
    name: str, given_data: st.DataObject
) -> None:
    data = given_data.draw(scored(positives=NEEDED[name]))
    positives = int(data[0].sum())
    threshold = choose(*data, name)
    assert threshold in data[1]
    assert wilson(caught(data, threshold), positives)[0] >= SENSITIVITIES[name]
    higher = [probability for probability in data[1] if probability > threshold]
    if higher:
        assert wilson(caught(data, min(higher)), positives)[0] < SENSITIVITIES[name]


@given(scored(positives=1))
def test_f1_is_the_best_there_is_and_the_highest_of_equals(data: Data) -> None:
    threshold = choose(*data, "f1")
    assert threshold in data[1]
    best = max(f1(data, candidate) for candidate in data[1])
    assert f1(data, threshold) == pytest.approx(best)
    assert threshold == max(c for c in data[1] if f1(data, c) == pytest.approx(best, rel=1e-12))


def test_known_threshold() -> None:
    labels = np.array([1] * 100 + [0] * 100)
    probabilities = np.concatenate([np.arange(1, 101) / 100, np.zeros(100)])
    # the lower bounds of 98 and 99 of 100 are 0.9300 and 0.9455, that of 100 is 0.9630
    assert choose(labels, probabilities, "sensitivity-95") == 0.01
    # 96 of 100: 0.9016; 95 of 100: 0.8882
    assert choose(labels, probabilities, "sensitivity-90") == 0.05


@pytest.mark.parametrize("name", SENSITIVITIES)
def test_too_few_malignant_images_promise_nothing(name: str) -> None:
    few = NEEDED[name] - 1
    with pytest.raises(UsageFault, match=f"^{few} malignant images are too few to promise a sensitivity of 9[058]%$"):
        choose(np.ones(few, dtype=np.int64), np.full(few, 0.5), name)
    enough = NEEDED[name]
    assert choose(np.ones(enough, dtype=np.int64), np.full(enough, 0.5), name) == 0.5


def test_no_malignant_image_promises_nothing() -> None:
    with pytest.raises(UsageFault, match="^0 malignant images"):
        choose(np.zeros(5, dtype=np.int64), np.linspace(0, 1, 5), "sensitivity-90")


@given(scored(), st.floats(0, 1))
def test_performance_counts_what_is_flagged(data: Data, threshold: float) -> None:
    labels, probabilities = data
    pairs = list(zip(labels, probabilities, strict=True))
    hits = sum(1 for label, p in pairs if label == 1 and p >= threshold)
    spared = sum(1 for label, p in pairs if label == 0 and p < threshold)
    positives, negatives = int(labels.sum()), int((1 - labels).sum())
    assert performance(labels, probabilities, threshold, "test") == Performance(
        part="test",
        images=len(labels),
        sensitivity=hits / positives if positives else 0.0,
        sensitivity_interval=wilson(hits, positives),
        specificity=spared / negatives if negatives else 0.0,
        specificity_interval=wilson(spared, negatives),
    )


def test_a_probability_at_the_threshold_is_flagged() -> None:
    found = performance(np.array([1, 0]), np.array([0.43, 0.43]), 0.43, "test")
    assert (found.sensitivity, found.specificity) == (1.0, 0.0)


def test_how_many_malignant_images_a_promise_takes() -> None:
    assert {name: fewest(wanted) for name, wanted in SENSITIVITIES.items()} == NEEDED
