"""From a decoded photograph to the picture that the network sees; the same in training and in screening.

A preprocessing version is a name that never changes its meaning: predictions are keyed by it, and an old
probability must be reproducible from the old name. A better way gets a new name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.decoding import decode
from models.errors import ModelInvalid
from models.field import Box, lit_field
from models.light import evened
from models.strips import resized

GREY = 127  # what EfficientNet-Lite subtracts: the surround becomes 0, as its convolutions pad


class Preprocessing(Protocol):
    """rgb: (height, width, 3), sRGB, 0..255. Returns (size, size, 3), 0..255.

    ``field``: its lit field (`models.field.lit_field`), where it is known already; to find it takes a millisecond.
    """

    def __call__(self, rgb: NDArray[np.uint8], size: int, field: Box | None = None) -> NDArray[np.uint8]: ...


def square_1(
    rgb: NDArray[np.uint8],
    size: int,
    field: Box | None = None,  # noqa: ARG001 - it looks at the frame alone
) -> NDArray[np.uint8]:
    """Largest centred square, resized with an antialiasing triangle filter.

    The aspect ratio is kept: a squeezed lesion changes its asymmetry, which is one of the things looked at.

    rgb: (height, width, 3), sRGB, 0..255. Returns (size, size, 3), 0..255.
    """
    height, width = rgb.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resized(rgb[top : top + side, left : left + side], size)


def field_square(rgb: NDArray[np.uint8], size: int, field: Box | None = None) -> NDArray[np.uint8]:
    """The square around the lit field (see `models.field`), resized as in `square_1`: what is trained from.

    rgb: (height, width, 3), sRGB, 0..255. Returns (size, size, 3), 0..255.
    """
    top, left, bottom, right = field or lit_field(rgb)
    return resized(rgb[top:bottom, left:right], size)


@lru_cache(maxsize=8)
def outside_disc(size: int) -> NDArray[np.bool_]:
    """(size, size), true outside the inscribed disc."""
    along = np.arange(size) - (size - 1) / 2
    return np.asarray(along[:, None] ** 2 + along**2 > (size / 2) ** 2)


@lru_cache(maxsize=8)
def _inside_disc(size: int) -> Image.Image:
    return Image.fromarray(np.where(outside_disc(size), 0, 255).astype(np.uint8))


def field_1(rgb: NDArray[np.uint8], size: int, field: Box | None = None) -> NDArray[np.uint8]:
    """The lit disc of a photograph on grey, the same shape whether or not a dermoscope drew a dark ring around it.

    A disc keeps 79 % of a plain square photograph; the square inscribed in a round field would keep 50 %.
    rgb: (height, width, 3), sRGB, 0..255. Returns (size, size, 3), 0..255.
    """
    return on_grey(field_square(rgb, size, field))


EVENED = {"field-2": 0.5}
"""How much of the way a version brings each picture's light to the mean one (`models.light`), 0..1; of others 0."""


def field_2(rgb: NDArray[np.uint8], size: int, field: Box | None = None) -> NDArray[np.uint8]:
    """`field_1` in a light that is half-way the same for every photograph.

    rgb: (height, width, 3), sRGB, 0..255. Returns (size, size, 3), 0..255.
    """
    return on_grey(field_square(rgb, size, field), EVENED["field-2"])


def on_grey(square: NDArray[np.uint8], share: float = 0.0) -> NDArray[np.uint8]:
    """The inscribed disc of a square on grey, its light brought to the mean one by a share (0..1) of the way.

    square: (size, size, 3), sRGB, 0..255. Returns the same shape, 0..255.
    """
    picture = Image.fromarray(square)
    if share:
        picture = evened(picture, _inside_disc(len(square)), share)
    result = np.array(picture)
    result[outside_disc(len(square))] = GREY
    return result


PREPROCESSINGS: dict[str, Preprocessing] = {
    "field-1": field_1,
    "field-2": field_2,
    "square-1": square_1,
}

_FRAMING = (
    "A lit field of less than 0.7 of the half side, an elliptical field, and a lesion as dark as the surround that "
    "touches its rim are framed less well; what of that was measured stands in docs/experiments.md."
)
LIMITS: dict[str, str] = {
    "field-1": _FRAMING,
    "field-2": _FRAMING + " Light of another colour or strength is evened out by half: a tint still costs, only less.",
    "square-1": "The network sees the surround of a round dermoscope field: a dark ring can raise the probability of a "
    "benign lesion, so expect false alarms on round-field photographs.",
}
"""What each does not do well, for the model card."""


def preprocessing(version: str) -> Preprocessing:
    """The function behind a preprocessing version. Raises ModelInvalid when this release has none of that name."""
    try:
        return PREPROCESSINGS[version]
    except KeyError:
        known = ", ".join(sorted(PREPROCESSINGS))
        raise ModelInvalid(
            f"preprocessing {version!r} is not known to this release (known: {known}); "
            "install the release that the model version was made with"
        ) from None


def in_its_own_light(version: str) -> Preprocessing:
    """The same framing in the photograph's own light, to be shown to people. Raises as `preprocessing`."""
    return field_1 if version in EVENED else preprocessing(version)


def prepare(data: bytes, suffix: str, version: str, size: int) -> NDArray[np.uint8]:
    """Stored bytes to network input: decode, then preprocess. Returns (size, size, 3), uint8.

    Raises ImageRefused when the bytes cannot be screened.
    """
    return preprocessing(version)(decode(data, suffix, at_least=size), size)
