"""How many pixels may be decoded at the same time: small pictures side by side, large ones one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PixelBudget:
    """A semaphore that counts pixels. Threads that need more than is left wait until others are done.

    Whoever fits goes first, so a large picture may wait while small ones pass: until the end of its chunk at most.
    """

    def __init__(self, total: int) -> None:
        self._total = self._left = total
        self._returned = threading.Condition()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Gives a function that waits for so many pixels, to be called once at most; they are given back at the end.

        A picture larger than the whole budget takes all of it, so that it comes to its turn.
        """
        taken = 0

        def take(pixels: int) -> None:
            nonlocal taken
            wanted = min(pixels, self._total)
            with self._returned:
                self._returned.wait_for(lambda: self._left >= wanted)
                self._left -= wanted
                taken = wanted

        try:
            yield take
        finally:
            with self._returned:
                self._left += taken
                self._returned.notify_all()
