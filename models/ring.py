"""A dark ring drawn on a photograph, as a round dermoscope field leaves it: does the network take it for the disease?

In many collections round fields are common among the malignant images alone, so a network may learn the ring instead of
the lesion (Bissoto et al., arXiv:2004.11457). Drawn on every image, it can tell the classes apart no more: what changes
then is what the network had learned from rings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RADIUS = 0.9  # of half the shorter side
LEVEL = 5  # grey level of the surround, 0..255: black as a camera sees it
RIM = 2.0  # pixels over which the field fades


def dark_ring(rgb: NDArray[np.uint8], radius: float = RADIUS) -> NDArray[np.uint8]:
    """The photograph with a dark surround beyond ``radius``, in halves of its shorter side.

    rgb: (height, width, 3), 0..255. Returns the same shape.
    """
    height, width = rgb.shape[:2]
    rows = np.arange(height) - (height - 1) / 2
    columns = np.arange(width) - (width - 1) / 2
    away = np.hypot(rows[:, None], columns)
    light = np.clip((radius * min(height, width) / 2 - away) / RIM + 0.5, 0, 1)[..., None]
    return np.asarray(np.rint(LEVEL + (rgb.astype(np.float32) - LEVEL) * light), dtype=np.uint8)
