"""Strip by strip comes out what Pillow makes of the whole picture, and no second whole copy is made."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models import strips
from models.preprocessing import field_1, square_1
from models.quality import ungradable

SHAPES = [(64, 64), (97, 211), (640, 64), (300, 301), (64, 640)]


@pytest.fixture
def narrow_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "STRIP_PIXELS", 1000)


def noise(shape: tuple[int, int]) -> NDArray[np.uint8]:
    return np.random.default_rng(shape).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_strips_cover_every_row_once() -> None:
    for height, width in [*SHAPES, (5, strips.STRIP_PIXELS + 1), (10_000, 5_000)]:
        rows = [row for part in strips.strips(height, width) for row in range(part.start, part.stop)]
        assert rows == list(range(height))


@pytest.mark.usefixtures("narrow_strips")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_same_bits(shape: tuple[int, int]) -> None:
    rgb = noise(shape)
    whole = Image.fromarray(rgb)
    assert np.array_equal(strips.pixels_of(whole), rgb)
    assert np.array_equal(np.asarray(strips.grey_of(rgb)), np.asarray(whole.convert("L")))


@pytest.mark.usefixtures("narrow_strips")
@pytest.mark.parametrize("side", [64, 97, 300, 1001])
def test_a_square_is_resized_to_the_same_bits(side: int) -> None:
    view = noise((side + 5, side + 7))[3:-2, 1:-6]
    for size in (63, 64, 128, 299, 300):
        expected = np.asarray(Image.fromarray(view).resize((size, size), Image.Resampling.BILINEAR))
        assert np.array_equal(strips.resized(view, size), expected)


@pytest.mark.usefixtures("narrow_strips")
@pytest.mark.parametrize("row", [0, 17, 96])
def test_the_last_row_unlike(row: int) -> None:
    rgb = np.full((97, 211, 3), (10, 100, 200), np.uint8)
    colour = rgb[0, 0].copy()
    assert strips.last_row_unlike(rgb, colour) is None
    rgb[row, 5, 1] += 1
    assert strips.last_row_unlike(rgb, colour) == row
    assert strips.last_row_unlike(np.rot90(rgb, 2), colour) == 96 - row


def test_a_large_picture_is_looked_at_without_another_copy_of_it() -> None:
    rgb = np.kron(noise((30, 40)), np.ones((100, 100, 1), np.uint8))  # 12 megapixels
    rgb[2000:] = (120, 130, 140)  # all of it is compared with this colour
    tracemalloc.start()
    try:
        assert field_1(rgb, 224).shape == square_1(rgb, 224).shape
        assert (ungradable(rgb) or "").startswith("a part is missing: 33%")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < rgb.nbytes * 0.7  # one byte a pixel is a third; whole copies made it 1.03
