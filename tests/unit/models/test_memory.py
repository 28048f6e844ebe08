"""Small pictures side by side, large ones one after another; counted, not timed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from models.memory import PixelBudget

AtOnce = Callable[[Iterable[Callable[[], object]]], list[object]]


class Decoders:
    """Threads that hold pixels of one budget, and the most that was held at a time."""

    def __init__(self, total: int) -> None:
        self.budget = PixelBudget(total)
        self.held = self.most = self.together = self.most_together = 0
        self._lock = threading.Lock()

    def decode(self, pixels: int) -> None:
        with self.budget.share() as take:
            take(pixels)
            self._note(pixels, 1)
            threading.Event().wait(0.001)  # let others in, if they may
            self._note(-pixels, -1)

    def _note(self, pixels: int, number: int) -> None:
        with self._lock:
            self.held += pixels
            self.together += number
            self.most = max(self.most, self.held)
            self.most_together = max(self.most_together, self.together)


def test_what_is_held_never_exceeds_the_budget(at_once: AtOnce) -> None:
    decoders = Decoders(100)
    sizes = [(7 * number) % 97 + 3 for number in range(24)]
    assert at_once([lambda size=size: decoders.decode(size) for size in sizes]) == [None] * 24
    assert 0 < decoders.most <= 100
    assert decoders.held == 0


def test_what_fits_runs_side_by_side(at_once: AtOnce) -> None:
    """Four that each wait for the other three: they would wait for ever if one had to wait for room."""
    budget, together = PixelBudget(100), threading.Barrier(4)

    def decode() -> int:
        with budget.share() as take:
            take(25)
            return together.wait(30)

    assert sorted(at_once([decode] * 4)) == [0, 1, 2, 3]  # type: ignore[type-var]  # at_once gives objects, these are numbers


def test_pictures_larger_than_the_budget_come_one_after_another(at_once: AtOnce) -> None:
    decoders = Decoders(100)
    assert at_once([lambda: decoders.decode(1_000)] * 5) == [None] * 5
    assert decoders.most_together == 1


def test_a_picture_that_fails_gives_its_pixels_back() -> None:
    budget = PixelBudget(100)
    for wanted in (100, 60, None, 100):
        with pytest.raises(ValueError, match="torn"), budget.share() as take:
            if wanted is not None:  # refused by its header, before it took any
                take(wanted)
            raise ValueError("torn")
