"""The light of a photograph, and pictures taken in different light made more alike (colour constancy).

Each camera, filter and lamp tints skin in its own way; a network that was taught in the light of a few clinics takes
part of another one's for the lesion's colours. The light is estimated by shades of grey (Finlayson and Trezzi, 2004;
p = 6, as Barata et al., 2015, use it for dermoscopy): the mean of each channel in which light pixels count most. Three
gains then bring the estimate towards that of the mean training picture. How much of the way: docs/experiments.md.

All is computed from counts of the 256 levels, so that machines which add up in another order find the same levels.
"""

from __future__ import annotations

from math import fsum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEVELS = np.arange(256)
SIXTH = (LEVELS / 255) ** 6
MEAN = np.array([-0.255, -0.498, -0.517])
"""Natural logarithm of the estimate (0..1) of red, green and blue, mean over 1,910 training pictures."""

LARGEST = 1.0  # natural logarithm of the largest gain, and of the inverse of the smallest


def estimate(picture: Image.Image, seen: Image.Image | None = None) -> NDArray[np.float64]:
    """Natural logarithm of the light by channel, (3,), 0 or less.

    picture: RGB, sRGB. seen: a mask of its size, 255 where to look, somewhere at least; None: everywhere.
    """
    counts = np.reshape(picture.histogram(seen), (3, 256))
    means = [fsum(of_channel * SIXTH) / of_channel.sum() for of_channel in counts]
    return np.asarray(np.log(np.maximum(means, 1e-8)) / 6)


def evened(picture: Image.Image, seen: Image.Image | None, share: float) -> Image.Image:
    """The picture as if its light were the mean one.

    picture, seen: as in `estimate`. share: 0..1 of the way, in logarithms; 0: the picture as it is.
    """
    gains = np.exp(np.clip(share * (MEAN - estimate(picture, seen)), -LARGEST, LARGEST))
    lighter = np.clip(np.rint(gains[:, None] * LEVELS), 0, 255).astype(int)
    return picture.point(lighter.ravel().tolist())
