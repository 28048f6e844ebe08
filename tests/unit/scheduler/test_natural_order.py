"""Numbers in names count by their value."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.natural_order import natural_key


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.jpg", "2.jpg", "10.jpg", "100.jpg"],
        ["img2a", "img2b", "img10a"],
        ["a1b2", "a1b10", "a2b1"],
        ["1", "a", "b"],
        ["007.jpg", "07.jpg", "7.jpg", "8.jpg"],
        ["IMG1.jpg", "img1.jpg", "Img2.jpg", "IMG3.jpg"],
        ["Ärger1", "ärger2", "ÄRGER10"],
        ["", "a", "a1"],
        ["lesion 9 (2).jpg", "lesion 9 (10).jpg", "lesion 10 (1).jpg"],
        ["x²1", "x²2", "x²10"],  # ² is a digit to str.isdigit and no number to int
    ],
)
def test_order(ordered: list[str]) -> None:
    mixed = ordered[:]
    random.Random(1).shuffle(mixed)
    assert sorted(mixed, key=natural_key) == ordered
    mixed.reverse()
    assert sorted(mixed, key=natural_key) == ordered


@given(st.lists(st.text(max_size=12), unique=True, max_size=8))
def test_any_names_have_one_order_whatever_order_they_come_in(names: list[str]) -> None:
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)
