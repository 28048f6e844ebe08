"""Training pictures altered as another clinic might have taken them: framing, light, colour, sharpness, clutter.

Everything is drawn for both labels with the same chances, so that none of it can stand for one. Pillow does the work
in C, 2 to 3 ms a picture on one core, so that the network stays the bottleneck. Sources: the effects are those by
which dermoscopic data sets differ (Kawahara et al., arXiv:1807.08948; Bissoto et al., arXiv:2004.11457, on artefacts
learned as shortcuts); the strengths are our own.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from models.preprocessing import on_grey

Random = np.random.Generator
SHADES = 192  # dark rims, vignettes and slanting light, drawn once

# luminance and two colour differences (YIQ, FCC 1953), between which hue is an angle and saturation a length
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)


def augment(
    square: NDArray[np.uint8], size: int, random: Random, strength: float = 1.0, zoom_from: float = 0.5
) -> NDArray[np.uint8]:
    """One random variant of the square around a lit field, as a disc on grey like preprocessing `field-1`.

    square: (side, side, 3), 0..255, with the corners outside the disc still in it. strength: 0..1, scales how often and
    how much light, colour and clutter vary. zoom_from: 0..1, the smallest part of the disc that a crop shows.
    Returns (size, size, 3), 0..255.
    """
    return on_grey(varied(_framed(Image.fromarray(square), size, random, zoom_from), random, strength))


def varied(picture: Image.Image, random: Random, strength: float = 1.0) -> NDArray[np.uint8]:
    """Light, colour, sharpness and clutter altered, in the same framing. Returns (side, side, 3), 0..255."""
    if random.random() < 0.2 * strength:
        _hairs(picture, random)
    if random.random() < 0.08 * strength:
        _ruler(picture, random)
    if random.random() < 0.35 * strength:
        shades = _shades(picture.width)
        picture = ImageChops.multiply(picture, shades[random.integers(len(shades))])
    if random.random() < 0.85:
        picture = _coloured(picture, random, strength)
    picture = _softened(picture, random, strength)
    result = np.array(picture)
    if random.random() < 0.15 * strength:
        _add_noise(result, random)
    return result


def _framed(source: Image.Image, size: int, random: Random, zoom_from: float) -> Image.Image:
    """Turned by any angle, mirrored, stretched, and cropped to a smaller disc that lies in the source's disc.

    The stretch matters: part of the benign training images were squeezed to a square, the malignant were cropped.
    """
    radius = source.width / 2
    zoom = random.uniform(zoom_from, 1.0)
    stretch = np.exp(np.clip(random.normal(0, 0.1), -0.25, 0.25))
    longer = min(1.0, zoom * max(stretch, 1 / stretch) ** 0.5)
    axes = np.diag([longer, longer / max(stretch, 1 / stretch)])
    matrix = _turn(random.uniform(0, 2 * np.pi)) @ axes @ _turn(random.uniform(0, 2 * np.pi))
    if random.random() < 0.5:
        matrix = matrix @ np.diag([-1.0, 1.0])
    room, angle = (1 - longer) * np.sqrt(random.random()), random.uniform(0, 2 * np.pi)
    middle = radius * (1 + 0.8 * room * np.array([np.cos(angle), np.sin(angle)]))
    scale = matrix * (2 * radius / size)
    shift = middle - scale @ np.array([size / 2, size / 2])
    data = (scale[0, 0], scale[0, 1], shift[0], scale[1, 0], scale[1, 1], shift[1])
    return source.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _coloured(picture: Image.Image, random: Random, strength: float) -> Image.Image:
    """Another camera and light: hue, saturation, white balance, contrast, brightness in one matrix, then gamma."""
    hue = strength * np.radians(random.uniform(-11, 11))
    saturation = 1 + strength * random.uniform(-0.45, 0.4)
    twist = np.eye(3)
    twist[1:, 1:] = saturation * _turn(hue)
    gains = np.exp(strength * random.uniform(-0.18, 0.18, 3))
    contrast = np.exp(strength * random.uniform(-0.3, 0.3))
    matrix = contrast * np.diag(gains) @ FROM_YIQ @ twist @ TO_YIQ
    offset = 128 * (1 - contrast) + strength * random.uniform(-28, 28)
    rows = np.hstack((matrix, np.full((3, 1), offset))).ravel()
    picture = picture.convert("RGB", tuple(float(v) for v in rows))
    gamma = np.exp(strength * random.uniform(-0.25, 0.25))
    curve = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(int).tolist()
    return picture.point(curve * 3)


def _softened(picture: Image.Image, random: Random, strength: float) -> Image.Image:
    """Out of focus, a coarser camera, a JPEG of lower quality; each now and then."""
    if random.random() < 0.2 * strength:
        picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.5)))
    if random.random() < 0.15 * strength:
        side = int(picture.width * random.uniform(0.45, 0.9))
        picture = picture.resize((side, side), Image.Resampling.BILINEAR).resize(picture.size, Image.Resampling.BICUBIC)
    if random.random() < 0.2 * strength:
        file = BytesIO()
        picture.save(file, "JPEG", quality=int(random.integers(35, 90)))
        picture = Image.open(file).convert("RGB")
    return picture


def _add_noise(picture: NDArray[np.uint8], random: Random) -> None:
    grain = random.normal(0, random.uniform(2, 9), picture.shape[:2]).astype(np.int16)
    np.copyto(picture, np.clip(picture + grain[..., None], 0, 255), casting="unsafe")


def _hairs(picture: Image.Image, random: Random) -> None:
    draw, size = ImageDraw.Draw(picture), picture.width
    shade = int(random.integers(10, 90)) if random.random() < 0.85 else int(random.integers(180, 240))
    colour = (shade, int(shade * 0.8), int(shade * 0.65))
    main = random.uniform(0, np.pi)
    for _ in range(int(random.integers(2, 22))):
        at = random.uniform(0, size, 2)
        heading, bend = main + random.normal(0, 0.5), random.normal(0, 0.2)
        points = [tuple(at)]
        for _ in range(5):
            heading += bend
            at = at + size * random.uniform(0.05, 0.2) * np.array([np.cos(heading), np.sin(heading)])
            points.append(tuple(at))
        draw.line(points, fill=colour, width=int(random.integers(1, 3)))


def _ruler(picture: Image.Image, random: Random) -> None:
    """A scale in millimetres along a straight line somewhere off the middle."""
    draw, size = ImageDraw.Draw(picture), picture.width
    angle = random.uniform(0, 2 * np.pi)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    start = size * (0.5 + random.uniform(0.25, 0.45) * across - random.uniform(0.2, 0.5) * along)
    shade = int(random.integers(20, 100))
    spacing, long = size * random.uniform(0.02, 0.05), size * random.uniform(0.02, 0.05)
    for number in range(int(random.integers(8, 30))):
        foot = start + number * spacing * along
        tip = foot + long * (1.6 if number % 5 == 0 else 1.0) * across
        draw.line([tuple(foot), tuple(tip)], fill=(shade, shade, shade))


@lru_cache(maxsize=2)
def _shades(size: int) -> tuple[Image.Image, ...]:
    """Pictures to multiply with: a dark rim left by a badly found field, a vignette, light from one side."""
    random = np.random.default_rng(1)
    along = (np.arange(size) - (size - 1) / 2) / (size / 2)
    y, x = along[:, None], along[None, :]
    shades = []
    for number in range(SHADES):
        row, column = random.normal(0, 0.08, 2)
        away = np.hypot(y - row, x - column)
        if number % 3 == 0:  # rim: dark beyond a circle near the disc's edge, sharp or soft
            edge, soft, dark = random.uniform(0.8, 1.02), random.uniform(0.01, 0.15), random.uniform(0, 0.3)
            light = dark + (1 - dark) * np.clip((edge - away) / soft + 0.5, 0, 1)
        elif number % 3 == 1:
            light = 1 - random.uniform(0.1, 0.6) * np.clip(away, 0, 1.2) ** random.uniform(1.5, 4)
        else:
            angle = random.uniform(0, 2 * np.pi)
            light = 1 - random.uniform(0.05, 0.35) * (1 + np.cos(angle) * y + np.sin(angle) * x) / 2
        grey = np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)
        shades.append(Image.fromarray(np.repeat(grey[..., None], 3, axis=2)))
    return tuple(shades)
