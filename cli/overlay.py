"""Pictures of an explanation: the crop as the network saw it, with its map laid over it."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PANEL = 320  # pixels, each side of each of the two panels
GAP = 8  # white pixels between them
STRONGEST = 0.65  # cover at the highest place: the skin under it must still be seen

# from blue over turquoise to yellow: none is a colour of skin or of a lesion, and the colour-blind tell them apart
_PLACES = (0.0, 0.5, 1.0)
_COLOURS = ((0, 60, 255), (0, 220, 200), (255, 240, 0))


def laid_over(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture under its map.

    picture: (size, size, 3), 0..255; heat: (size, size), 0..1. Returns (size, size, 3); where the map is 0, the
    picture is unchanged.
    """
    colours = np.stack([np.interp(heat, _PLACES, channel) for channel in zip(*_COLOURS, strict=True)], axis=-1)
    cover = STRONGEST * heat[..., None]
    mixed: NDArray[np.uint8] = np.rint(picture * (1 - cover) + colours * cover).astype(np.uint8)
    return mixed


def side_by_side(crop: NDArray[np.uint8], picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> bytes:
    """PNG of two panels: the crop on the left, the network's picture under its map on the right.

    Encoded anew from pixels alone: EXIF, place and name of the patient stay behind.
    """
    sheet = Image.new("RGB", (2 * PANEL + GAP, PANEL), "white")
    sheet.paste(_panel(crop), (0, 0))
    sheet.paste(_panel(laid_over(picture, heat)), (PANEL + GAP, 0))
    return _encoded(sheet, "PNG")


def small_jpeg(picture: NDArray[np.uint8], heat: NDArray[np.float32], side: int) -> bytes:
    """The network's picture under its map, ``side`` pixels, as a JPEG for a page."""
    small = Image.fromarray(laid_over(picture, heat)).resize((side, side), Image.Resampling.BILINEAR)
    return _encoded(small, "JPEG")


def _panel(pixels: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(pixels).resize((PANEL, PANEL), Image.Resampling.BILINEAR)


def _encoded(image: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    image.save(target, kind)
    return target.getvalue()
