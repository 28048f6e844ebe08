"""Augmentation keeps the shape that screening sees, and shows the same to both labels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cli.drawn_lesions import draw_lesion
from models.preprocessing import GREY, field_square, outside_disc
from models.training.augment import _framed, augment


@pytest.fixture(scope="module")
def square() -> np.ndarray:
    return field_square(np.asarray(draw_lesion(1, width=224, height=224)), 224)


def test_the_same_seed_gives_the_same_pictures(square: np.ndarray) -> None:
    one, other = np.random.default_rng(1), np.random.default_rng(1)
    first = [augment(square, 96, one) for _ in range(40)]
    assert all(np.array_equal(picture, augment(square, 96, other)) for picture in first)
    assert len({picture.tobytes() for picture in first}) == 40


@pytest.mark.parametrize("size", [33, 96, 160])
def test_a_disc_on_grey(square: np.ndarray, size: int) -> None:
    random = np.random.default_rng(2)
    for _ in range(30):
        picture = augment(square, size, random)
        assert picture.shape == (size, size, 3)
        assert picture.dtype == np.uint8
        assert (picture[outside_disc(size)] == GREY).all()


def test_nothing_of_the_frame_comes_in() -> None:
    """A crop reaches nowhere beyond the square: Pillow would fill with black."""
    white = np.full((224, 224, 3), 255, np.uint8)
    random = np.random.default_rng(3)
    for _ in range(200):
        framed = np.asarray(_framed(Image.fromarray(white), 64, random, 0.5))
        assert framed[~outside_disc(64)].min() >= 250


def test_the_square_is_left_as_it_is(square: np.ndarray) -> None:
    before, random = square.copy(), np.random.default_rng(4)
    for _ in range(20):
        augment(square, 64, random)
    assert np.array_equal(square, before)
