"""Where in a photograph the lit skin is: the dermoscope's round field, found by the darkness around it.

A dermoscope shows a disc; the camera's frame cuts it or leaves it whole, and what lies outside is nearly black.
Some clinics photograph so, others do not, and a network takes the black for a sign of the clinic or, worse, of the
disease (23.9 % of the malignant training images have dark corners, 0.1 % of the benign). So every photograph is
reduced to a disc of lit skin: with a dark surround the largest one inside the dermoscope's field and the frame,
without one the disc inscribed in the frame. Both end up as the same shape, and nothing of the surround is left.

Method: our own. Dark rows and columns at the frame are left out; rays run from the frame inwards, and on each the
surround is the unbroken dark run that begins at the frame; a circle is fitted to where the runs end (Kasa's algebraic
least squares, 1976) and fitted again without the points that lie off it, such as those of a lesion at the rim.

A plain photograph loses more at its edges than a round field at its rim, since most dermoscopes show a field of about
0.9 of the frame: with equal shares the same lesion would look larger through a dermoscope, and larger looks worse.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]
Frame = tuple[float, float, float, float]
Circle = tuple[float, float, float]
Floats = NDArray[np.float64]

GRID = 112  # longer side in pixels of the copy that is looked at
RAYS = 96
RIM_SHARE = 0.95  # of the radius of a round field that is kept: its rim is blurred and shaded
FRAME_SHARE = 0.86  # of what the frame gives: so a plain photograph shows as much skin as one through a dermoscope
DARKEST, LIGHTEST = 24.0, 80.0  # bounds of the level, 0..255, below which the brightest channel counts as surround
LIT_SHARE = 0.06  # of a row or column; with less it lies outside the field
FEWEST_POINTS = 12  # of RAYS; fewer dark runs are no ring, and fewer pixels across show none
TOLERANCE = 0.03  # of the shorter side: how far a point may lie from the circle
SMALLEST, LARGEST = 0.25, 0.95  # radius of a field as a fraction of the frame's shorter and longer side
OFF_CENTRE = 0.25  # of the longer side: how far the middle of a field may lie from that of the frame


def lit_field(rgb: NDArray[np.uint8]) -> Box:
    """The square (top, left, bottom, right) whose inscribed disc lies in the lit field, off its rim and the frame.

    rgb: (height, width, 3), 0..255. Bottom and right are exclusive; the square lies in the frame and has a side of
    at least 1 pixel. Without a dark surround it is the middle FRAME_SHARE of the frame.
    """
    height, width = rgb.shape[:2]
    step = max(1, -(-max(height, width) // GRID))
    value = rgb[step // 2 :: step, step // 2 :: step].max(axis=2)
    box: Frame = (0.0, 0.0, float(height), float(width))
    circle: Circle | None = None
    level = _surround_level(value)
    if level is not None:
        lit = value >= level
        top, left, bottom, right = _lit_rows_and_columns(lit)
        circle = _circle(lit[top:bottom, left:right])
        if circle is not None:
            circle = ((circle[0] + top) * step, (circle[1] + left) * step, circle[2] * step)
        box = (top * step, left * step, min(bottom * step, height), min(right * step, width))
    return _square(_largest_disc((height, width), box, circle), height, width)


def _surround_level(value: NDArray[np.uint8]) -> float | None:
    """Brightness below which a pixel may belong to a dark surround; None where the frame's edge is nowhere dark."""
    edge = np.concatenate((value[0], value[-1], value[:, 0], value[:, -1]))
    dark = float(np.percentile(edge, 4))
    lit = float(np.percentile(value, 92))  # also right where a small field leaves three quarters of the frame dark
    level = min(max(dark + 0.25 * (lit - dark), DARKEST), LIGHTEST)
    return level if dark < min(level, 0.5 * lit) else None


def _lit_rows_and_columns(lit: NDArray[np.bool_]) -> Box:
    """The frame without the dark bands at its four sides; the whole frame when nothing would be left."""
    rows = np.flatnonzero(lit.mean(axis=1) > LIT_SHARE)
    columns = np.flatnonzero(lit.mean(axis=0) > LIT_SHARE)
    height, width = lit.shape
    if len(rows) == 0 or len(columns) == 0:
        return 0, 0, height, width
    box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    shortest = 2 * SMALLEST * min(height, width)
    return box if min(box[2] - box[0], box[3] - box[1]) >= shortest else (0, 0, height, width)


@lru_cache(maxsize=64)
def _rays(height: int, width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns (RAYS, n) of the pixels on rays from the frame (first) to near the middle (last)."""
    angles = np.arange(RAYS) * (2 * np.pi / RAYS)
    down, across = np.sin(angles), np.cos(angles)
    half_height, half_width = (height - 1) / 2, (width - 1) / 2
    with np.errstate(divide="ignore"):
        reach = np.minimum(half_height / np.abs(down), half_width / np.abs(across))
    along = np.linspace(1.0, 0.1, max(height, width))  # closer than half a pixel also towards a corner
    rows = half_height + (down * reach)[:, None] * along
    columns = half_width + (across * reach)[:, None] * along
    return np.rint(rows).astype(np.intp), np.rint(columns).astype(np.intp)


def _circle(lit: NDArray[np.bool_]) -> Circle | None:
    """Middle (row, column) and radius of a round field in the pixels of `lit`, or None when the dark is not round."""
    height, width = lit.shape
    if min(height, width) < FEWEST_POINTS:
        return None
    rows, columns = _rays(height, width)
    on_ray = lit[rows, columns]
    # the surround ends where three pixels in a row are lit: a reflection or a pale hair does not end it
    ends = on_ray[:, :-2] & on_ray[:, 1:-1] & on_ray[:, 2:]
    first = ends.argmax(axis=1)
    which = np.flatnonzero((first >= 2) & ends.any(axis=1))
    if len(which) < FEWEST_POINTS:
        return None
    y, x = rows[which, first[which]].astype(float), columns[which, first[which]].astype(float)
    shorter = min(height, width)
    kept = np.ones(len(which), dtype=bool)
    for tolerance in (4 * TOLERANCE, 2 * TOLERANCE, TOLERANCE, TOLERANCE):
        row, column, radius = _kasa(y[kept], x[kept])
        # a lesion at the rim only ever draws points inwards, so those are the first to be dropped
        off = np.hypot(y - row, x - column) - radius
        kept = (off > -tolerance * shorter) & (off < 1.5 * tolerance * shorter)
        if kept.sum() < FEWEST_POINTS:
            return None
    quarters = {(bool(a), bool(b)) for a, b in zip(y[kept] > row, x[kept] > column, strict=True)}
    off_centre = np.hypot(row - (height - 1) / 2, column - (width - 1) / 2)
    longer = max(height, width)
    if (
        kept.mean() < 0.5
        or len(quarters) < 2
        or not SMALLEST * shorter <= radius <= LARGEST * longer
        or off_centre > OFF_CENTRE * longer
    ):
        return None
    return row + 0.5, column + 0.5, radius


def _kasa(y: Floats, x: Floats) -> Circle:
    """Least-squares circle through points: y^2 + x^2 = 2 a y + 2 b x + c."""
    system = np.stack((2 * y, 2 * x, np.ones_like(y)), axis=1)
    a, b, c = np.linalg.lstsq(system, y * y + x * x, rcond=None)[0]
    return float(a), float(b), float(np.sqrt(max(c + a * a + b * b, 0.0)))


def _largest_disc(shape: tuple[int, int], box: Frame, circle: Circle | None) -> Circle:
    """The largest disc in the lit box and circle, off their rims and the frame, with its middle between theirs."""
    middle = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    tried = middle + np.linspace(0, 1, 41)[:, None] * (np.array(circle[:2] if circle else middle) - middle)
    radius = np.minimum(FRAME_SHARE * _room(tried, (0, 0, *shape)), RIM_SHARE * _room(tried, box))
    if circle is not None:
        in_circle = circle[2] - np.hypot(tried[:, 0] - circle[0], tried[:, 1] - circle[1])
        radius = np.minimum(radius, RIM_SHARE * in_circle)
    best = int(radius.argmax())
    return float(tried[best, 0]), float(tried[best, 1]), float(radius[best])


def _room(middles: Floats, box: Frame) -> Floats:
    """Distance of each middle (n, 2) to the nearest side of a box."""
    top, left, bottom, right = box
    rows, columns = middles[:, 0], middles[:, 1]
    return np.asarray(np.minimum.reduce([rows - top, bottom - rows, columns - left, right - columns]))


def _square(disc: Circle, height: int, width: int) -> Box:
    row, column, radius = disc
    side = max(1, min(int(2 * radius), height, width))
    top = min(max(round(row - side / 2), 0), height - side)
    left = min(max(round(column - side / 2), 0), width - side)
    return top, left, top + side, left + side
