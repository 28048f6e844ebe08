"""Whoever waits for a large batch leaves the database to those who screen it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from cli import waiting
from storage.counts import Counts


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Site:
    """Stands for a database whose counting takes a while, and for the keeper of a worker."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds, self.counted, self.ticks = clock, seconds, 0, 0

    def read(self) -> Any:
        return nullcontext(None)

    def tick(self) -> None:
        self.ticks += 1

    def counts(self, _session: None, batch_id: str) -> Counts:
        self.counted += 1
        self.clock.now += self.seconds
        state = "complete" if self.counted == 5 else "open"
        return Counts(batch_id, state, 1, 1, 0, 0, 0, 0, 1, 0, 1.0)


@pytest.mark.parametrize(("seconds", "ticks"), [(0.0, 4), (0.01, 4), (0.5, 4 * 20)])
def test_a_count_that_takes_long_is_made_less_often(
    seconds: float, ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    site: Any = Site(clock, seconds)

    @contextmanager
    def keeper(*_: Any) -> Iterator[Any]:
        yield site

    monkeypatch.setattr(waiting, "time", clock)
    monkeypatch.setattr(waiting, "worker_while_needed", keeper)
    monkeypatch.setattr("storage.counts.counts", site.counts)
    assert waiting.wait_for("b", site, site, site).state == "complete"
    assert site.counted == 5
    assert abs(site.ticks - ticks) <= 4  # the worker is looked after meanwhile; steps of 0.1 do not add up exactly
