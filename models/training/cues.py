"""Simple things about a picture that have nothing to do with the lesion, or need not have.

If one of them alone tells the classes apart, a network may learn it instead of the lesion.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.inspection import ImageFacts
from models.training.fingerprints import SIDE, Masks, Planes

CUES = {
    "dark corners": "all four corners are black, as around a round dermoscope field; 0 or 1",
    "lit share": "share of the picture inside the lit field, 0..1",
    "brightness": "mean luminance of the lit field, 0..255",
    "saturation": "mean saturation (HSV) of the lit field, 0..1",
    "tint red-blue": "mean red minus mean blue of the lit field, -255..255",
    "tint green-magenta": "mean green minus the mean of red and blue of the lit field, -255..255",
    "border brightness": "mean luminance of the outermost eighteenth of the picture, 0..255",
    "border red-blue": "mean red minus mean blue there, -255..255",
    "file size": "bytes of the file",
    "image size": "pixels of the picture, width times height",
    "aspect": "longer side divided by the shorter",
    "JPEG quality": "quality 1..100 of the IJG encoder with the same luminance table; only of JPEG files",
}
"""Each cue and what it measures."""

DARK_CORNERS = "dark corners"

MAY_BE_MEDICINE = frozenset({"brightness", "saturation", "tint red-blue", "tint green-magenta"})
"""Cues that the lesion itself may cause: melanomas are large and dark."""

_CORNER = (
    SIDE // 12
)  # pixels a side: with 30 grey levels: 23.8 % of a public set's malignant pictures and 0.1 % of benign
_CORNER_DARK = 30
_BORDER = SIDE // 18  # pixels

# ITU-T T.81, table K.1: the luminance table that the IJG encoder scales
_STANDARD_SUM = 3688
_NOT_MEASURED = float("nan")


def cues_of(rgb: NDArray[np.uint8], grey: Planes, lit: Masks) -> NDArray[np.float64]:
    """The cues that pixels show, of n pictures (n, SIDE, SIDE, 3); shape (n, 8), in the order of `CUES`."""
    area = np.maximum(lit.sum((1, 2)), 1)
    inside = rgb * lit[..., None]
    red, green, blue = (inside[..., channel].sum((1, 2)) / area for channel in range(3))
    highest, lowest = (inside.max(3).astype(np.float32), inside.min(3).astype(np.float32))
    saturation = ((highest - lowest) / np.maximum(highest, 1)).sum((1, 2)) / area
    border = np.ones((SIDE, SIDE), bool)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    return np.stack(
        [
            dark_corners(grey).astype(np.float64),
            lit.mean((1, 2)),
            (grey * lit).sum((1, 2)) / area,
            saturation,
            red - blue,
            green - (red + blue) / 2,
            grey[:, border].mean(1),
            rgb[:, border, 0].mean(1) - rgb[:, border, 2].mean(1),
        ],
        axis=1,
    )


def dark_corners(grey: Planes) -> Masks:
    """Whether all four corners of pictures (n, SIDE, SIDE) are black; shape (n,)."""
    near, far = slice(None, _CORNER), slice(-_CORNER, None)
    corners = [grey[:, rows, columns].mean((1, 2)) for rows in (near, far) for columns in (near, far)]
    return np.asarray(np.max(corners, axis=0) < _CORNER_DARK)


def cues_of_file(data: bytes, facts: ImageFacts) -> list[float]:
    """The cues of one file that need no pixels, in the order of `CUES`."""
    shorter, longer = sorted((facts.width, facts.height))
    return [float(len(data)), float(facts.width * facts.height), longer / shorter, jpeg_quality(data)]


def jpeg_quality(data: bytes) -> float:
    """Quality 1..100 of the IJG encoder whose luminance table has the same sum; nan where there is none.

    Source: jcparam.c of libjpeg, jpeg_quality_scaling, turned round.
    """
    if not data.startswith(b"\xff\xd8"):
        return _NOT_MEASURED
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            table = getattr(image, "quantization", {}).get(0)
    except Exception:  # whatever Pillow raises on odd files: what can be read was decided before
        return _NOT_MEASURED
    if not table:
        return _NOT_MEASURED
    scale = 100 * sum(table) / _STANDARD_SUM  # percent
    return float(np.clip(round(100 - scale / 2 if scale <= 100 else 5000 / scale), 1, 100))
