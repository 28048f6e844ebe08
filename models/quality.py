"""Can this decoded picture be graded at all? If not, a person looks at it instead of the network.

Deliberately simple: four measures on a small grey copy, and those of `models.skin` on the colours. The limits of the
four were set on 1,500 random pictures of the training data (224 x 224 dermoscopy). Percentiles there:

| measure                              | 0 %  | 0.1 % | 0.5 % | 50 % | 99.5 % | 99.9 % | 100 % | limit |
| contrast (99th - 1st percentile)     | 39.0 | 40.5  | 47.0  | 122  | 250    | 254    | 255   | < 30  |
| share of pixels darker than 32       | 0    | 0     | 0     | 0    | 0.67   | 0.68   | 0.68  | > 0.9 |
| share of pixels lighter than 240     | 0    | 0     | 0     | 0    | 0.21   | 0.49   | 0.75  | > 0.9 |
| sharpness (variance of the Laplacian)| 4.8  | 4.8   | 7.3   | 60   | 2,012  | 4,167  | 4,742 | < 6.0 |

Sent to review, with those of `models.skin`: 19 of 4,000 random pictures (0.48 %), 8 of them as blurred. Of 300
blurred with a Gaussian of 1, 1.5, 2 and 3 pixels, 20 %, 86 %, 98 % and 100 % fall below the limit on sharpness.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.skin import nothing_to_judge

LONGER_SIDE = 224
"""Pixels. Sharpness depends on the scale, so it is always measured at this one; smaller pictures stay."""

MIN_CONTRAST = 30
"""Grey levels (of 255) between the 1st and the 99th percentile. Below it the picture is one even surface."""

DARK, LIGHT = 32, 240
"""Grey levels: below ``DARK`` is counted as black, above ``LIGHT`` as white."""

MAX_EXTREME_SHARE = 0.9
"""Share of black, or of white, pixels. A dermoscope's round field leaves at most 0.68 black."""

MIN_SHARPNESS = 6.0
"""Variance of the Laplacian in squared grey levels (Pech-Pacheco et al., ICPR 2000). Below it: blurred."""


def ungradable(rgb: NDArray[np.uint8]) -> str | None:
    """Return why a picture cannot be graded, or None if it can.

    Args:
        rgb: decoded pixels, shape (height, width, 3), uint8, sRGB.
    """
    grey = _small_grey(rgb)
    levels = np.bincount(grey.ravel(), minlength=256)
    below = np.cumsum(levels) / grey.size
    if below[DARK - 1] > MAX_EXTREME_SHARE:
        return f"almost all black: {below[DARK - 1]:.0%} of the picture"
    if 1 - below[LIGHT] > MAX_EXTREME_SHARE:
        return f"almost all white: {1 - below[LIGHT]:.0%} of the picture"
    contrast = int(np.searchsorted(below, 0.99) - np.searchsorted(below, 0.01))
    if contrast < MIN_CONTRAST:
        return f"no content: nearly uniform, contrast {contrast} of 255, expected at least {MIN_CONTRAST}"
    if reason := nothing_to_judge(rgb):
        return reason
    sharpness = _sharpness(grey)
    if sharpness < MIN_SHARPNESS:
        return f"blurred: sharpness {sharpness:.2f}, expected at least {MIN_SHARPNESS:.2f}"
    return None


def _small_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance (ITU-R 601-2), shrunk so that the longer side is `LONGER_SIDE` pixels or less."""
    grey = Image.fromarray(rgb).convert("L")
    grey.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(grey)


def _sharpness(grey: NDArray[np.uint8]) -> float:
    values = grey.astype(np.float32)
    middle = values[1:-1, 1:-1]
    laplacian = values[1:-1, :-2] + values[1:-1, 2:] + values[:-2, 1:-1] + values[2:, 1:-1] - 4 * middle
    return float(laplacian.var())
