"""Training as a person sees it: a bar over all epochs and one line for each."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from cli.output import talk
from cli.progress import Bar, progress


class TrainingProgress:
    """A models.training Progress that draws on stderr."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._bar: Bar | None = None
        self._begun = False

    def __enter__(self) -> TrainingProgress:
        self._bar = self._stack.enter_context(progress("Training, steps"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def step(self, epoch: int, epochs: int, step: int, steps: int) -> None:
        if self._bar is not None:
            done = (epoch - 1) * steps + step
            if not self._begun:
                self._bar.starts_at(done - 1)
                self._begun = True
            self._bar.update(done, epochs * steps, note=f"epoch {epoch} of {epochs}")

    def epoch(self, epoch: int, epochs: int, logs: dict[str, float]) -> None:
        shown = ", ".join(f"{key} {value:.4g}" for key, value in logs.items())
        talk(f"epoch {epoch} of at most {epochs}: {shown}")
