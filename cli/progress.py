"""Progress of long work: a bar with rate and time left in a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from cli.output import talk, talks_to_a_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PLAIN_SECONDS = 5.0


class Bar(Protocol):
    """Told how far the work is."""

    def starts_at(self, done: int) -> None:
        """Say what was done before (a resumed training, reused results): it counts as done, not as our speed."""

    def update(self, done: int, total: int | None = None, note: str = "") -> None: ...


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Bar]:
    """A bar for the time of the block, on stderr. ``total`` None: unknown, only done and rate are shown."""
    if talks_to_a_terminal():
        with _rich_bar(title, total) as bar:
            yield bar
    else:
        yield _PlainBar(title, total)


class _PlainBar:
    def __init__(self, title: str, total: int | None) -> None:
        self._title, self._total = title, total
        self._started = self._said = time.monotonic()
        self._last = -1
        self._first = 0

    def starts_at(self, done: int) -> None:
        self._first = done

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._total = total or self._total
        now = time.monotonic()
        finished = done == self._total and done != self._last
        if not finished and (now - self._said < PLAIN_SECONDS):
            return
        self._said, self._last = now, done
        rate = (done - self._first) / max(now - self._started, 1e-9)
        parts = [f"{self._title}: {done}{f' of {self._total}' if self._total else ''}"]
        if rate > 0:  # as long as nothing has come of it, nobody knows how fast it will go
            parts.append(f"{rate:.1f}/s")
            if self._total and done < self._total:
                parts.append(f"about {(self._total - done) / rate:.0f} s left")
        talk(", ".join([*parts, note] if note else parts))


@contextmanager
def _rich_bar(title: str, total: int | None) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(title, total=total, rate="", note="")
        yield _RichBar(shown, task)


class _RichBar:
    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown, self._task = shown, task
        self._started = time.monotonic()
        self._first = 0

    def starts_at(self, done: int) -> None:
        self._first = done
        self._shown.reset(self._task, completed=done)  # the time left is reckoned from here

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        new = done - self._first
        rate = f"{new / max(time.monotonic() - self._started, 1e-9):.1f}/s" if new else ""
        if total is not None:
            self._shown.update(self._task, total=total)
        self._shown.update(self._task, completed=done, rate=rate, note=note)
