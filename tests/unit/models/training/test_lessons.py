"""What a network is taught from: every picture of an epoch once, in batches of one size, and never nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from models.light import MEAN, estimate
from models.preprocessing import outside_disc
from models.training.lessons import Lessons
from models.training.presets import ANY, LITE0, NEAR, OWN

PHASE = replace(NEAR, size=16)
DISC = Image.fromarray(np.where(outside_disc(16), 0, 255).astype(np.uint8))


def lessons(pictures: int) -> Lessons:
    squares = np.random.default_rng(pictures).integers(0, 256, (pictures, 24, 24, 3)).astype(np.uint8)
    return Lessons(LITE0, squares, np.arange(pictures, dtype=np.float32)[:, None], seed=3)


@pytest.mark.parametrize(("pictures", "batch", "steps"), [(1, 1, 1), (5, 5, 1), (31, 31, 1), (32, 32, 1), (70, 32, 2)])
def test_an_epoch_has_a_batch_however_few_pictures_there_are(pictures: int, batch: int, steps: int) -> None:
    """With fewer than a batch the next one was looked for without an end."""
    taught = lessons(pictures)
    assert (taught.batch, taught.steps) == (batch, steps)
    epoch = list(islice(taught.rows(PHASE, 0, 0), steps))
    assert {(seen.shape, labels.shape) for seen, labels in epoch} == {((batch, 16, 16, 3), (batch, 1))}
    assert len({float(label) for _, labels in epoch for label in labels[:, 0]}) == batch * steps


def test_who_goes_on_sees_the_epoch_that_would_have_come() -> None:
    taught = lessons(5)
    whole, rest = taught.rows(PHASE, 0, 0), taught.rows(PHASE, 0, 1)
    next(whole)
    for (seen, labels), (again, same) in islice(zip(whole, rest, strict=False), 2):
        assert np.array_equal(seen, again)
        assert np.array_equal(labels, same)


@pytest.mark.parametrize(("light", "least", "most"), [(OWN, 0, 0), (ANY, 0.3, 0.7)])
def test_light_is_evened_out_as_the_phase_says(light: str, least: float, most: float) -> None:
    squares = 60 + lessons(96).squares // 5  # dim, so far from the mean light, and no gain clips it
    taught = Lessons(LITE0, squares, np.zeros((96, 1), np.float32), seed=3)
    rows = islice(taught.rows(replace(PHASE, strength=0.0, light=light), 0, 0), taught.steps)
    lights = [estimate(Image.fromarray(picture), DISC) for seen, _ in rows for picture in seen]
    away = [np.abs(light - MEAN).max() for light in lights]
    assert least <= np.mean([distance < 0.02 for distance in away]) <= most
    assert np.std(away) > 0.1 if light == ANY else min(away) > 0.5
