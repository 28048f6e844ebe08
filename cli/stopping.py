"""Being asked to stop: SIGTERM and Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class StopRequests:
    """How often we were asked to stop."""

    asked = 0

    def insisted(self) -> Callable[[], bool]:
        """For whoever stops in good order now: tells whether he has been asked once more than that."""
        first = min(self.asked, 1)
        return lambda: self.asked > first


@contextmanager
def counted_stops() -> Iterator[StopRequests]:
    """SIGTERM and SIGINT are counted for the time of the block; neither breaks into what is being done."""
    requests = StopRequests()

    def count(_number: int, _frame: Any) -> None:
        requests.asked += 1

    before = {number: signal.signal(number, count) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
