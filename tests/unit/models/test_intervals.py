"""The score interval of a proportion, against published values and its own defining equation."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.intervals import wilson

COUNTS = st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


# the last four: R. G. Newcombe, Two-sided confidence intervals for the single proportion,
# Statistics in Medicine 17 (1998), table I, method 3
@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_known_values(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("total", [1, 10, 1000, 1_000_000])
def test_none_and_all_stay_within_0_and_1(total: int) -> None:
    low, high = wilson(0, total)
    assert low == 0.0
    assert 0.0 < high < 1.0
    low, high = wilson(total, total)
    assert 0.0 < low < 1.0
    assert high == pytest.approx(1.0, abs=1e-12)
    assert high <= 1.0


def test_a_wider_confidence_is_a_wider_interval() -> None:
    low, high = wilson(80, 100)
    wider_low, wider_high = wilson(80, 100, z=2.576)
    assert wider_low < low < 0.8 < high < wider_high


@given(COUNTS)
def test_both_bounds_solve_the_score_equation(counts: tuple[int, int]) -> None:
    hits, total = counts
    for bound in wilson(hits, total):
        distance = 1.96 * sqrt(bound * (1 - bound) / total)
        assert abs(hits / total - bound) == pytest.approx(distance, abs=1e-7)


@given(COUNTS)
def test_misses_mirror_hits(counts: tuple[int, int]) -> None:
    hits, total = counts
    low, high = wilson(hits, total)
    assert wilson(total - hits, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(COUNTS)
def test_one_hit_more_raises_the_lower_bound(counts: tuple[int, int]) -> None:
    hits, total = counts
    if hits < total:
        assert wilson(hits + 1, total)[0] > wilson(hits, total)[0]
