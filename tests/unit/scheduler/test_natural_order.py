"""Numbers in names count by their value."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import PassingFault
from scheduler import natural_order
from scheduler.natural_order import natural_key, naturally_sorted


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


AWKWARD = [
    "b10.jpg",
    "B2.jpg",
    "a\nb.jpg",
    "1.jpg",
    "01.jpg",
    "\udcff2.jpg",
    "ü.jpg",
    "b2.jpg",
    "\U0001f600",
    "10",
    "9",
]


@pytest.mark.parametrize("run", [1, 2, 3, 4, 11, 12, 100])
def test_runs_on_disk_make_the_same_order(run: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natural_order, "RUN", run)
    entries = [(name, number % 3 == 0) for number, name in enumerate(AWKWARD)]
    with naturally_sorted(iter(entries), tmp_path) as found:
        # lists, from JSON, or tuples
        assert [tuple(entry) for entry in found] == sorted(entries, key=lambda entry: natural_key(entry[0]))
    assert not list(tmp_path.iterdir())


def test_leaving_early_closes_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natural_order, "RUN", 2)
    with naturally_sorted(((str(number), False) for number in range(9)), tmp_path) as found:
        assert tuple(next(found)) == ("0", False)
    gc.collect()  # a file left open would warn here


def test_a_disk_that_takes_no_runs_is_not_blamed_on_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natural_order, "RUN", 2)
    with (
        pytest.raises(PassingFault, match="cannot be kept on disk"),
        naturally_sorted([("a", False), ("b", False)], tmp_path / "gone"),
    ):
        pass
