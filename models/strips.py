"""Large pictures strip by strip, so that no second whole copy of one is in memory. The results are the same bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STRIP_PIXELS = 1 << 20
"""Pixels of a strip, 3 to 4 MB. A picture of no more is one strip, and nothing is done differently."""


def strips(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture in slices of at most `STRIP_PIXELS`, at least one row each."""
    rows = max(1, STRIP_PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of an RGB picture, (height, width, 3), uint8, C-contiguous and writeable.

    ``np.array(image)`` has Pillow pack the whole picture into bytes twice over before it is copied once more.
    """
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows in strips(image.height, image.width):
        pixels[rows] = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
    return pixels


def resized(rgb: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize a square to (size, size, 3) with Pillow's antialiasing triangle filter.

    Of a square Pillow resizes the rows first, rounds to 8 bits, and then the columns; so the rows of each strip can be
    resized by themselves. (Of a picture that is much higher than wide it begins with the columns.)
    rgb: (side, side, 3), uint8; it may be a view.
    """
    height, width = rgb.shape[:2]
    if height * width <= STRIP_PIXELS:
        whole = Image.fromarray(rgb).resize((size, size), Image.Resampling.BILINEAR)
        return np.asarray(whole, dtype=np.uint8)
    narrow = np.empty((height, size, 3), np.uint8)
    for rows in strips(height, width):
        strip = Image.fromarray(rgb[rows])
        narrow[rows] = np.asarray(strip.resize((size, strip.height), Image.Resampling.BILINEAR))
    return np.asarray(Image.fromarray(narrow).resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)


def grey_of(rgb: NDArray[np.uint8]) -> Image.Image:
    """The luminance (ITU-R 601-2) of a picture, 1 byte a pixel. rgb: (height, width, 3), uint8."""
    height, width = rgb.shape[:2]
    if height * width <= STRIP_PIXELS:
        return Image.fromarray(rgb).convert("L")
    grey = np.empty((height, width), np.uint8)
    for rows in strips(height, width):
        grey[rows] = np.asarray(Image.fromarray(rgb[rows]).convert("L"))
    return Image.fromarray(grey)


def last_row_unlike(rgb: NDArray[np.uint8], colour: NDArray[np.uint8]) -> int | None:
    """The last row with a pixel that has not this colour, None where all have it. rgb: (height, width, 3)."""
    for rows in reversed(list(strips(*rgb.shape[:2]))):
        unlike = np.flatnonzero((rgb[rows] != colour).any(axis=(1, 2)))
        if len(unlike):
            return int(rows.start + unlike[-1])
    return None
