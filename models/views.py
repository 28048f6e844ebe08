"""Several looks at one picture: a dermoscope may be held either way round, so a mirrored lesion is the same lesion.

The network's probabilities of a picture and of its mirror images are averaged. Probabilities and not log-odds, because
then a head of several classes still sums to 1, and no look that rounds to 0 or 1 outweighs the others.
Source: A. Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NIPS 2012, section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

VIEWS = (1, 2, 4)
"""1: the picture; 2: and left-right; 4: and up-down, and both. So many times longer takes the network."""

Flip = Callable[[Any], Any]
"""Takes (n, height, width) and more axes, of numpy or TensorFlow; a flip undoes itself."""


def flips(views: int) -> tuple[Flip, ...]:
    """The first ``views`` of: as it is, left-right, up-down, both."""
    return (
        lambda pictures: pictures,
        lambda pictures: pictures[:, :, ::-1],
        lambda pictures: pictures[:, ::-1],
        lambda pictures: pictures[:, ::-1, ::-1],
    )[:views]


def averaged(views: int, score: Callable[[Flip], NDArray[Any]]) -> NDArray[np.float64]:
    """The mean of what ``score`` says of each view, in float64; what a single view says is not touched."""
    said = [np.asarray(score(flip), dtype=np.float64) for flip in flips(views)]
    return said[0] if views == 1 else np.asarray(np.mean(said, axis=0))
