"""What is compared of a picture when copies are looked for: its fine detail, and where it is lit.

The plain image will not do. A black ring around two different lesions makes them correlate at 0.9, and one small dark
spot on smooth skin looks like every other. So the surroundings of a dermoscope's field are masked, the local mean is
taken away (high pass), and what is left is divided by its local deviation, so that the texture of the whole field
counts and not one edge of high contrast (local contrast normalisation: Jarrett et al., What is the best multi-stage
architecture for object recognition?, ICCV 2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Planes = NDArray[np.float32]  # (n, side, side)
Masks = NDArray[np.bool_]  # (n, side, side)

SIDE = 72
"""Pixels a side of the small picture. The whole picture is squeezed into it, so a change of aspect does no harm."""

CELL = 4
COARSE_SIDE = SIDE // CELL
"""Cells a side of the coarse picture by which candidates are found: 18 x 18."""

DARK, WHITE = 30, 250
"""Grey levels. Darker, or lighter, and joined to a corner: outside the field (black rings, white surrounds)."""

_EDGE = 2  # pixels cut off the lit area along its rim, where the field fades
_LOCAL = 4  # pixels: radius of the local mean that is taken away
_CONTRAST = 6  # pixels: radius in which the deviation is taken
_FLAT = 2.0  # grey levels: noise of a re-encoded picture, which may not be blown up to texture


@dataclass(frozen=True)
class Fingerprints:
    """Of n pictures, 17 KB each."""

    detail: NDArray[np.float16]  # (n, SIDE, SIDE), local deviations, 0 outside the lit area
    lit: Masks  # (n, SIDE, SIDE)
    coarse: Planes  # (n, COARSE_SIDE, COARSE_SIDE), grey levels above the surroundings
    weight: Planes  # (n, COARSE_SIDE, COARSE_SIDE), lit share of each cell, 0..1

    def __len__(self) -> int:
        return len(self.detail)

    def take(self, which: NDArray[np.intp]) -> Fingerprints:
        """Those of some pictures, in that order."""
        return Fingerprints(self.detail[which], self.lit[which], self.coarse[which], self.weight[which])


def small(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (height, width, 3) squeezed into (SIDE, SIDE, 3), antialiased."""
    return np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.uint8)


def luminance(rgb: NDArray[np.uint8]) -> Planes:
    """Pictures (n, side, side, 3) as luminance (n, side, side), 0..255 (ITU-R BT.601)."""
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def fingerprints(grey: Planes, lit: Masks) -> Fingerprints:
    """Fingerprints of luminances (n, SIDE, SIDE) and their lit areas; asks for 0.3 MB a picture while it works."""
    mask = lit.astype(np.float32)
    area = np.maximum(_box_sum(mask, _LOCAL), 1)
    above = np.where(lit, grey - _box_sum(grey * mask, _LOCAL) / area, 0).astype(np.float32)
    power = _box_sum(above**2, _CONTRAST) / np.maximum(_box_sum(mask, _CONTRAST), 1)
    detail = above / np.sqrt(np.maximum(power, 0) + _FLAT**2)

    # the mean of a mean: wide enough that 4 x 4 cells still hold something
    near = (_box_sum(grey * mask, _LOCAL) / area * mask).astype(np.float32)
    wide = _box_sum(near, _LOCAL) / area
    cells = (-1, COARSE_SIDE, CELL, COARSE_SIDE, CELL)
    weight = mask.reshape(cells).mean((2, 4))
    sums = np.where(lit, grey - wide, 0).reshape(cells).sum((2, 4))
    coarse = sums / np.maximum(weight * CELL**2, 1)
    return Fingerprints(detail.astype(np.float16), lit, coarse.astype(np.float32), weight.astype(np.float32))


def joined(parts: list[Fingerprints]) -> Fingerprints:
    """Fingerprints of several blocks as one."""
    return Fingerprints(
        np.concatenate([part.detail for part in parts]),
        np.concatenate([part.lit for part in parts]),
        np.concatenate([part.coarse for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def lit_area(grey: Planes) -> Masks:
    """Where pictures (n, side, side) show skin: all but the dark, or white, surroundings joined to a corner."""
    outside = _joined_to_a_corner(grey < DARK) | _joined_to_a_corner(grey > WHITE)
    return _box_sum(outside.astype(np.float32), _EDGE) < 0.5


def _joined_to_a_corner(wanted: Masks) -> Masks:
    """The wanted pixels that are reached from a corner over wanted ones, up, down, left and right."""
    reached = np.zeros_like(wanted)
    for row in (0, -1):
        for column in (0, -1):
            reached[:, row, column] = wanted[:, row, column]
    growing = np.flatnonzero(reached.any((1, 2)))
    while growing.size:
        before = reached[growing]
        after = before.copy()
        after[:, 1:] |= before[:, :-1]
        after[:, :-1] |= before[:, 1:]
        after[:, :, 1:] |= before[:, :, :-1]
        after[:, :, :-1] |= before[:, :, 1:]
        after &= wanted[growing]
        reached[growing] = after
        growing = growing[(after != before).any((1, 2))]
    return reached


def _box_sum(planes: Planes, radius: int) -> Planes:
    """Sums over squares of 2 * radius + 1 pixels, cut off at the edge of the picture."""
    for axis in (1, 2):
        length = planes.shape[axis]
        # float64 inside: a running sum of float32 leaves 0.01 of rounding where the result should be 0
        sums = np.cumsum(planes, axis=axis, dtype=np.float64)
        sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
        place = np.arange(length)
        upper, lower = np.minimum(place + radius + 1, length), np.maximum(place - radius, 0)
        planes = (sums.take(upper, axis) - sums.take(lower, axis)).astype(np.float32)
    return planes
