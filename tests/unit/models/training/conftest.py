"""A folder of 80 drawn lesions, a recipe that trains on it in seconds, and one run of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cli.drawn_lesions import draw_lesion
from models.training.presets import PRESETS, Preset
from models.training.split import LABELS

IMAGES = 40  # of each class


@dataclass
class Told:
    """A Progress that remembers, and stops the training after an epoch as Ctrl-C does."""

    stop_after: int = 0
    steps: list[tuple[int, int, int, int]] = field(default_factory=list)
    epochs: list[tuple[int, int, dict[str, float]]] = field(default_factory=list)

    def step(self, epoch: int, epochs: int, step: int, steps: int) -> None:
        self.steps.append((epoch, epochs, step, steps))

    def epoch(self, epoch: int, epochs: int, logs: dict[str, float]) -> None:
        self.epochs.append((epoch, epochs, logs))
        if epoch == self.stop_after:
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def told() -> Callable[..., Told]:
    return Told


@pytest.fixture(scope="session")
def lesions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """benign/ and malignant/, small JPEGs of several shapes."""
    folder = tmp_path_factory.mktemp("lesions")
    for malignant, label in enumerate(LABELS):
        (folder / label).mkdir()
        for n in range(IMAGES):
            drawn = draw_lesion(n + 1000 * malignant, width=64 + n, height=64 + n % 3, malignant=bool(malignant))
            drawn.save(folder / label / f"{n}.jpg", quality=92)
    return folder


@pytest.fixture(scope="session")
def seed() -> int:
    return 7


@pytest.fixture(scope="session")
def tiny() -> Preset:
    """Hidri's recipe at 16 pixels and three epochs."""
    return replace(PRESETS["hidri"], input_size=16, batch_size=16, epochs=3)


@pytest.fixture
def recipe(tiny: Preset, monkeypatch: pytest.MonkeyPatch) -> Iterator[Preset]:
    monkeypatch.setitem(PRESETS, "hidri", tiny)
    yield tiny
