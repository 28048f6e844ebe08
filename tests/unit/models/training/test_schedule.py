"""The rate rises, falls along a cosine, and starts again as the recipe says."""

from __future__ import annotations

import pytest

from models.networks.backend import import_keras
from models.training.schedule import Cycles


def rates(schedule: Cycles, *steps: int) -> list[float]:
    return [float(schedule(step)) for step in steps]


def test_one_cycle_is_keras_own_cosine_decay() -> None:
    keras = import_keras()
    theirs = keras.optimizers.schedules.CosineDecay(0.0, 180, warmup_target=1e-3, warmup_steps=20)
    ours = Cycles(1e-3, 20, [200], 0.5)
    for step in range(200):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), abs=1e-8)


def test_a_second_cycle_starts_lower_and_ends_at_nothing() -> None:
    schedule = Cycles(1.0, 0, [100, 160], 0.6)
    assert rates(schedule, 0, 50, 100, 130, 160, 500) == pytest.approx([1, 0.5, 0.6, 0.3, 0, 0], abs=1e-6)
    assert float(schedule(99)) < 0.001
