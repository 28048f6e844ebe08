"""Overlays are pictures of the right size, and leave alone what the map does not mark."""

import io

import numpy as np
from PIL import Image

from cli.overlay import GAP, PANEL, laid_over, side_by_side, small_jpeg

GREY = np.full((16, 16, 3), 120, np.uint8)


def test_nothing_marked_is_the_picture_itself() -> None:
    assert np.array_equal(laid_over(GREY, np.zeros((16, 16), np.float32)), GREY)


def test_what_is_marked_more_is_yellower() -> None:
    heat = np.zeros((16, 16), np.float32)
    heat[2, 3], heat[4, 5] = 1.0, 0.5
    found = laid_over(GREY, heat).astype(int)
    yellow = found[..., :2].mean(axis=-1) - found[..., 2]
    assert yellow[2, 3] > 50 > yellow[4, 5]
    heat[2, 3] = heat[4, 5] = 0
    assert np.array_equal(found[heat == 0][1:35], GREY[heat == 0][1:35])


def test_two_panels_without_any_metadata() -> None:
    data = side_by_side(np.full((PANEL, PANEL, 3), 200, np.uint8), GREY, np.ones((16, 16), np.float32))
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.size) == ("PNG", (2 * PANEL + GAP, PANEL))
        assert image.info == {}
        assert image.getpixel((10, 10)) == (200, 200, 200)
        assert image.getpixel((PANEL + GAP // 2, 10)) == (255, 255, 255)
        assert image.getpixel((PANEL + GAP + 10, 10)) == (208, 198, 42)


def test_a_small_jpeg_for_a_page() -> None:
    with Image.open(io.BytesIO(small_jpeg(GREY, np.zeros((16, 16), np.float32), 64))) as image:
        assert (image.format, image.size, len(image.getexif())) == ("JPEG", (64, 64), 0)
