"""Light that is made more alike: what a tint does is taken back, and a picture in the mean light stays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cli.drawn_lesions import draw_lesion
from models.light import MEAN, estimate, evened

GAINS = {"pinker": (1.15, 0.88, 1.0), "bluer": (0.85, 0.95, 1.15), "yellower": (1.1, 1.0, 0.75), "darker": (0.7,) * 3}


def tinted(picture: Image.Image, gains: tuple[float, ...]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(np.asarray(picture) * np.array(gains)), 0, 255).astype(np.uint8))


@pytest.fixture
def picture() -> Image.Image:
    """Skin as drawn, dim enough that no gain clips it."""
    return tinted(draw_lesion(5, width=96, height=96), (0.8, 0.8, 0.8))


@pytest.mark.parametrize("tint", GAINS)
def test_the_same_skin_in_another_light_is_the_same_again(picture: Image.Image, tint: str) -> None:
    plain, other = (np.asarray(evened(seen, None, 1), int) for seen in (picture, tinted(picture, GAINS[tint])))
    assert np.abs(plain - other).max() <= 2  # a darker picture has fewer levels
    half = [np.asarray(evened(seen, None, 0.5), int) for seen in (picture, tinted(picture, GAINS[tint]))]
    before = np.abs(np.asarray(picture, int) - np.asarray(tinted(picture, GAINS[tint]), int)).mean()
    assert np.abs(half[0] - half[1]).mean() == pytest.approx(before / 2, rel=0.2)


def test_the_mean_light_stays_as_it_is(picture: Image.Image) -> None:
    mean = evened(picture, None, 1)
    assert estimate(mean) == pytest.approx(MEAN, abs=0.01)
    assert np.abs(np.asarray(evened(mean, None, 1), int) - np.asarray(mean, int)).max() <= 2
    assert np.array_equal(np.asarray(evened(picture, None, 0)), np.asarray(picture))


def test_the_estimate_is_the_minkowski_mean_of_what_is_seen(picture: Image.Image) -> None:
    seen = np.zeros((96, 96), np.uint8)
    seen[20:50, 30:90] = 255
    inside = np.asarray(picture)[seen > 0] / 255
    assert estimate(picture, Image.fromarray(seen)) == pytest.approx(np.log(np.mean(inside**6, axis=0) ** (1 / 6)))


@pytest.mark.parametrize("level", [0, 255])
def test_a_picture_without_light_or_without_shade_has_no_gain_beyond_the_largest(level: int) -> None:
    even = Image.new("RGB", (8, 8), (level,) * 3)
    assert np.isfinite(estimate(even)).all()
    assert np.isfinite(np.asarray(evened(even, None, 1), float)).all()
    dim = np.asarray(evened(Image.new("RGB", (8, 8), (10, 10, 10)), None, 1))
    assert dim.max() == 27  # 10 times e
