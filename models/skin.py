"""Does a picture show skin with something on it? Walls, text, X-rays and faces in black and white do not.

Three measures inside the lit disc, coarse enough for any camera. Percentiles over 3,000 random pictures of the training
data; below the limit lie 0.0 %, 0.1 %, 0.1 % and 0.0 % of them:

| measure                                             | 0 %  | 0.2 % | 0.5 % | 1 %  | 50 % | limit |
| colour: largest less smallest channel, mean         | 7.5  | 10.2  | 11.8  | 13.8 | 54   | < 6   |
| share of pixels with the colours of skin            | 0.13 | 0.41  | 0.70  | 0.78 | 1.00 | < 0.2 |
| lesion: 95th percentile of the distance from the    | 7.4  | 16.5  | 18.9  | 20.3 | 98   | < 14  |
|   median colour, of 16 x 16 patches                 |      |       |       |      |      |       |
| hues: red less blue, 97th less 3rd percentile       | 9.0  | 12.7  | 14.5  | 16.9 | 54   | < 1.5 |
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.field import Box
from models.preprocessing import field_square, outside_disc

FINE, COARSE = 64, 16  # pixels across the disc
MIN_COLOUR = 6.0  # grey levels, of 255
MIN_SKIN = 0.2
MIN_LESION = 14.0  # grey levels
MIN_HUES = 1.5  # grey levels
NEARLY, DIM = 0.75, 40  # share of the other channels, grey levels: lit skin of every shade is reddest, or nearly so


def nothing_to_judge(rgb: NDArray[np.uint8], field: Box | None = None) -> str | None:
    """Why the lit field shows no skin with something on it, or None.

    Args:
        rgb: decoded pixels, shape (height, width, 3), uint8, sRGB.
        field: its lit field, where it is known already.
    """
    square = field_square(rgb, FINE, field)
    seen = square[~outside_disc(FINE)].astype(np.float64)
    colour = float((seen.max(axis=1) - seen.min(axis=1)).mean())
    if colour < MIN_COLOUR:
        return f"no colour: the channels differ by {colour:.1f} of 255, expected at least {MIN_COLOUR:.1f}"
    red, green, blue = seen.T
    skin = float(((red > NEARLY * np.maximum(green, blue)) & (red > DIM)).mean())
    if skin < MIN_SKIN:
        return f"too little skin: {skin:.0%} of the picture has the colours of skin, expected at least {MIN_SKIN:.0%}"
    shrunk = np.asarray(Image.fromarray(square).resize((COARSE, COARSE), Image.Resampling.BOX))
    patches = shrunk[~outside_disc(COARSE)].astype(np.float64)
    lesion = float(np.percentile(np.linalg.norm(patches - np.median(patches, axis=0), axis=1), 95))
    if lesion < MIN_LESION:
        return f"no lesion: the skin is even, its colours differ by {lesion:.1f}, expected at least {MIN_LESION:.1f}"
    palest, reddest = np.percentile(patches[:, 0] - patches[:, 2], (3, 97))
    if reddest - palest < MIN_HUES:
        return f"no lesion: one hue everywhere, it differs by {reddest - palest:.1f}, expected at least {MIN_HUES:.1f}"
    return None
