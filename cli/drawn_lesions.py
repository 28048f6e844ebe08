"""Draws pictures that look like dermoscopic photographs of lesions, for `screen demo`, tests and benchmarks.

No picture of a person may be shipped or committed, so these are computed: skin with texture, a pigmented spot
of irregular outline with network and dots, hairs, and the dark rim of a round dermoscope. They mean nothing
medically; ``malignant`` only asks for a darker, less regular spot of more colours (the ABCD rule of
dermoscopy, Stolz et al. 1994).
"""

import io
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Plane = NDArray[np.float32]

_SKINS = np.array([[226, 178, 160], [214, 160, 138], [232, 190, 170], [205, 152, 124], [190, 136, 108]], np.float32)
_BROWNS = np.array([[134, 84, 62], [116, 70, 52], [150, 98, 74], [98, 60, 46]], np.float32)
_DARK, _RED, _BLUE_GREY = (np.array(c, np.float32) for c in ([48, 30, 30], [168, 84, 82], [96, 98, 116]))


def draw_lesion(
    seed: int,
    *,
    width: int = 600,
    height: int = 450,
    malignant: bool = False,
    field: bool = False,
    hairs: bool = False,
) -> Image.Image:
    """Draw one lesion; the same arguments always give the same pixels.

    Args:
        seed: any whole number of 0 or more.
        width, height: pixels of the picture.
        malignant: a darker spot with a ragged outline, uneven colours.
        field: the dark surroundings of a round dermoscope.
        hairs: a few hairs across the skin.

    Returns: an RGB picture of ``width`` x ``height`` pixels.
    """
    rng = np.random.default_rng([seed, 20])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = float(min(width, height))

    rgb = _even(_SKINS[rng.integers(len(_SKINS))] + rng.normal(0, 4, 3), width, height)
    rgb += 6 * _clouds(rng, width, height, 3) + 3 * _clouds(rng, width, height, 12) + _skin_lines(rng, width, height)

    cover, inside = _blob(rng, x, y, scale, malignant)
    pigment = _pigment(rng, inside, malignant)
    depth = np.float32(rng.uniform(0.8, 0.92) if malignant else rng.uniform(0.6, 0.85))
    rgb += (pigment - rgb) * (cover * depth)
    rgb += rng.standard_normal((height, width), np.float32) * np.float32(3 * max(1, scale / 450))

    image = Image.merge("RGB", [Image.fromarray(plane) for plane in np.clip(rgb, 0, 255).astype(np.uint8)])
    if hairs:
        image = _with_hairs(rng, image)
    return _with_field(image, x, y, scale) if field else image


def _even(colour: NDArray[np.floating], width: int, height: int) -> Plane:
    """One colour everywhere, shape (3, height, width): numpy works on whole planes several times faster."""
    return np.tile(colour.astype(np.float32)[:, None, None], (1, height, width))


def _clouds(rng: np.random.Generator, width: int, height: int, cells: int) -> Plane:
    """Smooth noise of mean 0 and deviation about 1, with ``cells`` cells along the longer side."""
    longer = max(width, height)
    shape = (max(2, cells * height // longer + 2), max(2, cells * width // longer + 2))
    coarse = Image.fromarray(rng.normal(0, 1.4, shape).astype(np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def _skin_lines(rng: np.random.Generator, width: int, height: int) -> Plane:
    """The fine furrows of skin: thin dark lines where smooth noise crosses zero."""
    furrows = np.exp(-((_clouds(rng, width, height, 40) * 4) ** 2))
    lines: Plane = np.float32(1.5) * _clouds(rng, width, height, 90) - 4 * furrows
    return lines


def _blob(rng: np.random.Generator, x: Plane, y: Plane, scale: float, malignant: bool) -> tuple[Plane, Plane]:
    """Return how much pigment covers each pixel (0 to 1) and its place (0 at the centre, 1 at the edge)."""
    height, width = x.shape
    centre_x = width / 2 + rng.uniform(-0.08, 0.08) * scale
    centre_y = height / 2 + rng.uniform(-0.08, 0.08) * scale
    turn, stretch = rng.uniform(0, math.pi), rng.uniform(1.1, 1.6) if malignant else rng.uniform(1.0, 1.25)
    # math, not numpy: a float64 scalar of numpy would turn every plane into float64, at half the speed.
    cosine, sine = math.cos(turn), math.sin(turn)
    along = (x - centre_x) * cosine + (y - centre_y) * sine
    across = (y - centre_y) * cosine - (x - centre_x) * sine
    radius = scale * (rng.uniform(0.26, 0.36) if malignant else rng.uniform(0.16, 0.3))
    place = np.hypot(along / stretch, across) / radius
    ragged = np.float32(0.11 if malignant else 0.05)
    place = place + ragged * _clouds(rng, width, height, 7) + ragged / 3 * _clouds(rng, width, height, 22)
    softness = rng.uniform(0.03, 0.06) if malignant else rng.uniform(0.06, 0.12)
    cover = 0.5 - 0.5 * np.tanh((place - 1) / (2 * softness))
    return cover, np.clip(place, 0, 1)


def _pigment(rng: np.random.Generator, inside: Plane, malignant: bool) -> Plane:
    """The colour of the pigment, shape (3, height, width): uneven, darker inside, with a network and dots."""
    height, width = inside.shape
    colour = _even(_BROWNS[rng.integers(len(_BROWNS))] + rng.normal(0, 5) + rng.normal(0, 2, 3), width, height)
    shade = (16 if malignant else 8) * _clouds(rng, width, height, 6 if malignant else 4)
    network = np.exp(-((_clouds(rng, width, height, 52) * 2) ** 2))
    colour += shade + 14 * inside - (20 if malignant else 0) - 17 * network * np.minimum(inside * 1.4, 1)
    if malignant:
        for tone, most in ((_DARK, 0.75), (_RED, 0.45), (_BLUE_GREY, 0.5)):
            patch = np.clip(_clouds(rng, width, height, 7) * np.float32(0.6) - np.float32(0.3), 0, most)
            colour += (tone[:, None, None] - colour) * patch
    dots = np.clip(_clouds(rng, width, height, 60) - np.float32(2.3), 0, np.float32(0.8))
    colour += (_DARK[:, None, None] - colour) * dots
    return colour


def _with_hairs(rng: np.random.Generator, image: Image.Image) -> Image.Image:
    """Lay 4 to 11 curved hairs over the picture, drawn as a mask so that their edges are soft."""
    width, height = image.size
    mask = Image.new("L", image.size)
    pen = ImageDraw.Draw(mask)
    for _ in range(rng.integers(4, 12)):
        start, end = rng.uniform(-0.1, 1.1, (2, 2)) * (width, height)
        bend = (start + end) / 2 + rng.normal(0, 0.12, 2) * (width, height)
        t = np.linspace(0, 1, 40)[:, None]
        points = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
        thickness = max(1, round(min(width, height) / 300 * rng.uniform(0.8, 2)))
        pen.line([(float(a), float(b)) for a, b in points], fill=int(rng.integers(130, 230)), width=thickness)
    mask = mask.filter(ImageFilter.GaussianBlur(0.7))
    return Image.composite(Image.new("RGB", image.size, (46, 32, 28)), image, mask)


def _with_field(image: Image.Image, x: Plane, y: Plane, scale: float) -> Image.Image:
    """Darken everything outside a circle, as the rim of a round dermoscope does."""
    width, height = image.size
    distance = np.hypot(x - width / 2, y - height / 2) / (scale * 0.56)
    lit = np.clip((1 - distance) * 40 + 0.5, 0, 1) * np.clip(1.12 - 0.25 * distance**4, 0, 1)
    return Image.fromarray((np.asarray(image) * lit[..., None]).clip(0, 255).astype(np.uint8))


def draw_folder(folder: Path, count: int = 100, seed: int = 7) -> dict[str, int]:
    """Write drawn pictures as a busy clinic might hand them in: mostly sound, some not.

    Args:
        folder: where to write; made if missing, as are its subfolders.
        count: how many files, `MIN_FILES` or more.
        seed: the same seed and count write the same bytes into the same names.

    Returns:
        How many files there are of each kind; the numbers add up to ``count``. `SCREENED` and `REFUSED` name
        the kinds that can and cannot be screened; "blurred" and "duplicate" can.

    Raises:
        ValueError: ``count`` is under `MIN_FILES`.
    """
    if count < MIN_FILES:
        raise ValueError(f"expected a count of at least {MIN_FILES}, received {count}")
    rng = np.random.default_rng([seed, 21])
    duplicates = max(2, count // 25)
    kinds = [*_RARE, *["blurred"] * (count // 33)]
    kinds += rng.choice(list(_USUAL), count - duplicates - len(kinds), p=list(_USUAL.values())).tolist()
    rng.shuffle(kinds)

    sound: list[tuple[str, bytes]] = []
    for number, kind in enumerate(kinds):
        extension, data = _encode(kind, seed * 100_000 + number, rng)
        _write(folder, number, extension, data)
        if kind == "jpeg":
            sound.append((extension, data))
    for number in range(duplicates):
        _write(folder, len(kinds) + number, *sound[number % len(sound)])
    return {**Counter(kinds), "duplicate": duplicates}


MIN_FILES = 24  # each kind needs a place in the folder
SCREENED = frozenset(
    {"jpeg", "png", "tiff", "webp", "bmp", "png 16 bit", "jpeg rotated", "huge", "blurred", "duplicate"}
)
REFUSED = frozenset({"truncated", "empty", "text", "png named jpg", "animated", "transparent", "too small", "cmyk"})
# One of each in every folder and a second huge and blurred one; the rest is drawn from the usual shares.
_USUAL = {"jpeg": 0.88, "png": 0.04, "tiff": 0.03, "webp": 0.03, "bmp": 0.02}
_RARE = [*sorted(SCREENED - {"duplicate"}), "huge", "blurred", *sorted(REFUSED)]


def _encode(kind: str, seed: int, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return the extension and the bytes of one file of a kind."""
    malignant, field, hairs = (bool(rng.random() < share) for share in (0.3, 0.15, 0.25))
    wide, high = {"huge": (1500, 1000), "too small": (48, 36)}.get(kind, (600, 450))
    image = draw_lesion(seed, width=wide, height=high, malignant=malignant, field=field, hairs=hairs)
    extension, encode = _ENCODERS.get(kind, ((".jpg", ".JPG", ".jpeg")[seed % 3], _jpeg))
    return extension, encode(image)


def _jpeg(image: Image.Image) -> bytes:
    return _bytes(image, "jpeg", quality=92)


def _sixteen_bit(image: Image.Image) -> bytes:
    deep = np.asarray(image.convert("L")).astype("<u2") * np.uint16(257)
    return _bytes(Image.frombytes("I;16", image.size, deep.tobytes()), "png")


def _rotated(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn right by 90 degrees to view
    return _bytes(image.transpose(Image.Transpose.ROTATE_90), "jpeg", quality=92, exif=exif)


def _transparent(image: Image.Image) -> bytes:
    image.putalpha(Image.new("L", image.size, 255).rotate(8))
    return _bytes(image, "png")


_ENCODERS: dict[str, tuple[str, Callable[[Image.Image], bytes]]] = {
    "png": (".png", lambda image: _bytes(image, "png")),
    "tiff": (".tif", lambda image: _bytes(image, "tiff")),
    "webp": (".webp", lambda image: _bytes(image, "webp")),
    "bmp": (".bmp", lambda image: _bytes(image, "bmp")),
    "png 16 bit": (".png", _sixteen_bit),
    "jpeg rotated": (".JPG", _rotated),
    # Drawn smaller and enlarged: drawing 24 megapixels would take seconds.
    "huge": (".jpg", lambda image: _jpeg(image.resize((6000, 4000)))),
    "blurred": (".jpg", lambda image: _jpeg(image.filter(ImageFilter.GaussianBlur(10)))),
    "truncated": (".jpg", lambda image: _jpeg(image)[:12_000]),
    "empty": (".jpg", lambda _: b""),
    "text": (".jpg", lambda _: b"The camera's battery was empty, pictures follow tomorrow.\n"),
    "png named jpg": (".jpg", lambda image: _bytes(image, "png")),
    "animated": (".png", lambda image: _bytes(image, "png", save_all=True, append_images=[image.rotate(5)])),
    "transparent": (".png", _transparent),
    "cmyk": (".jpg", lambda image: _jpeg(image.convert("CMYK"))),
}


def _bytes(image: Image.Image, pillow_format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, pillow_format, **options)
    return out.getvalue()


def _write(folder: Path, number: int, extension: str, data: bytes) -> None:
    """Name a file as cameras and people do, in one of three subfolders; no two numbers share a name."""
    stem = (f"IMG_{number + 4101}", f"DSC{number + 417:05d}", f"photo ({number})", f"20260312_{number + 101307}")
    place = folder / ("camera 1", "camera 2", "march")[number * 7 // 4 % 3]
    place.mkdir(parents=True, exist_ok=True)
    (place / (stem[number % 4] + extension)).write_bytes(data)
