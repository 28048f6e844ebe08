"""Can this decoded picture be graded at all? If not, a person looks at it instead of the network.

Deliberately simple: four measures on a small grey copy, and those of `models.skin` on the colours. The limits of the
four were set on 1,500 random pictures of the training data (224 x 224 dermoscopy). Percentiles there:

| measure                              | 0 %  | 0.1 % | 0.5 % | 50 % | 99.5 % | 99.9 % | 100 % | limit |
| contrast (99th - 1st percentile)     | 39.0 | 40.5  | 47.0  | 122  | 250    | 254    | 255   | < 30  |
| share of pixels darker than 32       | 0    | 0     | 0     | 0    | 0.67   | 0.68   | 0.68  | > 0.9 |
| share of pixels lighter than 240     | 0    | 0     | 0     | 0    | 0.21   | 0.49   | 0.75  | > 0.9 |
| sharpness (variance of the Laplacian)| 4.8  | 4.8   | 7.3   | 60   | 2,012  | 4,167  | 4,742 | < 6.0 |

A decoder fills the place of lost picture data with one colour, libjpeg with mid-grey where a file was cut and closed
again. Of 3,000 random pictures none had a row at any side that is of one colour and neither dark nor light.

Sent to review, with those of `models.skin`: 14 of 4,000 random pictures (0.35 %), 8 of them as blurred. Of 300
blurred with a Gaussian of 1, 1.5, 2 and 3 pixels, 20 %, 86 %, 98 % and 100 % fall below the limit on sharpness.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.field import Box
from models.skin import nothing_to_judge
from models.strips import grey_of, last_row_unlike

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

MISSING_SHARE = 0.05
"""Share of the height or width. A band at a side that is of exactly one colour and at least so broad is no picture."""


POOR = frozenset({"a part is missing", "blurred"})
"""Kinds of reasons, before the colon, of pictures that are poor and yet of a lesion: something of it was seen."""


def beyond_judging(reason: str) -> bool:
    """Whether a probability of a picture with this reason, of here or of `models.distribution`, says nothing at all."""
    return reason.partition(":")[0] not in POOR


def for_review(reason: str | None, *, flagged: bool) -> bool:
    """Whether a person looks at a picture instead of the network.

    A picture that cannot be graded is never cleared. A poor one is still flagged where its probability says so: a
    blurred picture of a melanoma must not wait in the pile for review. One of no lesion, or unlike all that the network
    learned from, is never flagged: networks say 0.95 of a face.

    Args:
        reason: why the picture cannot be graded, of here or of `models.distribution`; None or "" for one that can.
        flagged: whether its probability is at or above the threshold.
    """
    return bool(reason) and (not flagged or beyond_judging(reason or ""))


def ungradable(rgb: NDArray[np.uint8], field: Box | None = None) -> str | None:
    """Return why a picture cannot be graded, or None if it can.

    Args:
        rgb: decoded pixels, shape (height, width, 3), uint8, sRGB.
        field: its lit field (`models.field.lit_field`), where it is known already.
    """
    grey = _small_grey(rgb)
    return _incomplete(rgb) or _without_content(grey) or nothing_to_judge(rgb, field) or _blurred(grey)


def _incomplete(rgb: NDArray[np.uint8]) -> str | None:
    missing = max(_even_band(np.rot90(rgb, turns)) for turns in range(4))
    if missing < MISSING_SHARE:
        return None
    return f"a part is missing: {missing:.0%} of the picture are one even surface, as where picture data was lost"


def _without_content(grey: NDArray[np.uint8]) -> str | None:
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256)) / grey.size
    if below[DARK - 1] > MAX_EXTREME_SHARE:
        return f"almost all black: {below[DARK - 1]:.0%} of the picture"
    if 1 - below[LIGHT] > MAX_EXTREME_SHARE:
        return f"almost all white: {1 - below[LIGHT]:.0%} of the picture"
    contrast = int(np.searchsorted(below, 0.99) - np.searchsorted(below, 0.01))
    if contrast < MIN_CONTRAST:
        return f"no content: nearly uniform, contrast {contrast} of 255, expected at least {MIN_CONTRAST}"
    return None


def _blurred(grey: NDArray[np.uint8]) -> str | None:
    sharpness = _sharpness(grey)
    if sharpness >= MIN_SHARPNESS:
        return None
    return f"blurred: sharpness {sharpness:.2f}, expected at least {MIN_SHARPNESS:.2f}"


def _even_band(rgb: NDArray[np.uint8]) -> float:
    """Share of the rows, counted from the last one up, that are of one colour which is neither dark nor light."""
    colour = rgb[-1, 0]
    if colour.tolist() != rgb[-1, rgb.shape[1] // 2].tolist():
        return 0.0  # nearly every picture, before a whole row is compared
    if colour.max() < DARK or colour.min() > LIGHT or (rgb[-1] != colour).any():
        return 0.0
    band = max(1, int(MISSING_SHARE * len(rgb)))
    if (rgb[-band:] != colour).any():
        return 0.0
    other = last_row_unlike(rgb, colour)
    return 1.0 - (other + 1) / len(rgb) if other is not None else 0.0  # all of it: no content, told below


def _small_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luminance (ITU-R 601-2), shrunk so that the longer side is `LONGER_SIDE` pixels or less."""
    grey = grey_of(rgb)
    grey.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(grey)


def _sharpness(grey: NDArray[np.uint8]) -> float:
    values = grey.astype(np.float32)
    middle = values[1:-1, 1:-1]
    laplacian = values[1:-1, :-2] + values[1:-1, 2:] + values[:-2, 1:-1] + values[2:, 1:-1] - 4 * middle
    return float(laplacian.var())
