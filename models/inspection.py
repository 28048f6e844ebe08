"""May this file be screened at all? Answered from its header, before a single pixel is decoded."""

import io
import logging
import math
import re
import struct
import warnings
from dataclasses import dataclass

# TIFF and WebP are imported by name because `Image.open` would otherwise load all plugins of Pillow.
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from models.ending import check_ending
from models.errors import ImageRefused
from models.formats import HEAD_BYTES, ImageFormat, check_extension, sniff
from models.limits import MAX_ASPECT, MAX_FILE_BYTES, MAX_PIXELS, MIN_SIDE
from models.other_content import name_content
from models.structure import check_structure

_MODES = frozenset({"1", "L", "P", "LA", "PA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I;16N"})

# Modes that a sound file may have and that are refused with a reason of their own.
_REFUSED_MODES = {
    "CMYK": "printing colours (CMYK): expected a picture in RGB or grey, as cameras write it",
    "I": "32-bit grey: its white is not defined, expected 8 or 16 bits a channel",
    "F": "floating-point grey: its white is not defined, expected 8 or 16 bits a channel",
}

_QUIET = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)
_QUIET_SIZE = ("ignore", None, Image.DecompressionBombWarning, re.compile(r"PIL\."), 0)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the header of an accepted picture says."""

    format: ImageFormat
    width: int  # pixels as stored, before the EXIF orientation is applied (TIFF: after it)
    height: int  # pixels, likewise
    frames: int  # 1, or more for an MPO, of which the first picture is screened
    mode: str  # Pillow's name of the pixel layout, one of 1, L, P, LA, PA, RGB, RGBA, I;16*


def inspect(data: bytes, suffix: str) -> ImageFacts:
    """Check a file by its header alone and say what it is.

    Args:
        data: the whole file.
        suffix: the extension of its name with the dot, or "" if it has none.

    Raises:
        ImageRefused: the file is empty, over `MAX_FILE_BYTES`, none of the five formats, has an extension of
            another format, a broken header, no end, a structure beyond `models.structure`, more than `MAX_PIXELS`,
            a side under `MIN_SIDE`, sides beyond `MAX_ASPECT`, several pages or frames, or a pixel layout that
            cannot be screened.
    """
    image, facts = open_inspected(data, suffix)
    image.close()
    return facts


def open_inspected(data: bytes, suffix: str) -> tuple[ImageFile.ImageFile, ImageFacts]:
    """Do what `inspect` does and hand over the opened picture too, no pixel of it decoded yet.

    Raises:
        ImageRefused: as `inspect`.
    """
    if not data:
        raise ImageRefused("empty: the file has 0 bytes")
    if len(data) > MAX_FILE_BYTES:
        raise ImageRefused(too_many_bytes(len(data)))
    found = sniff(data[:HEAD_BYTES])
    if found is None:
        raise ImageRefused(f"not an image: expected JPEG, PNG, TIFF, WebP or BMP, received {name_content(data)}")
    check_extension(suffix, found)
    if found is ImageFormat.WEBP:
        # Opening a WebP allocates its canvas (twice 4 bytes a pixel), so its size is read here first.
        _check_pixels(*_webp_canvas(data))
    check_structure(data, found)
    check_ending(data, found)

    quiet_pillow()
    try:
        image = Image.open(io.BytesIO(data), formats=(found.name,))
        several = _count_frames(image, found)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageRefused(f"too large: expected at most {MAX_PIXELS // 1_000_000} megapixels") from None
    except Exception as error:
        raise refused_as_unreadable(error, "the header") from error

    facts = ImageFacts(found, image.width, image.height, several, image.mode)
    try:
        _check(facts)
    except ImageRefused:
        image.close()
        raise
    return image, facts


def too_many_bytes(received: int) -> str:
    """Return the reason for a file of ``received`` bytes, more than `MAX_FILE_BYTES`."""
    size = _above(received / (1 << 20))
    return f"too large: expected a file of at most {MAX_FILE_BYTES >> 20} MB, received {size} MB"


def _above(value: float) -> str:
    """To one decimal, rounded up: what is over a limit by one byte does not read as the limit itself."""
    return f"{math.ceil(value * 10) / 10:.1f}"


def refused_as_unreadable(error: Exception, where: str) -> ImageRefused:
    """Put whatever Pillow raised into words.

    Over 4,851 malformed files Pillow raised TypeError, IndexError, SyntaxError, struct.error and MemoryError
    besides its own errors; their texts hold addresses and C codes, so only the short, plain ones are kept.
    """
    if isinstance(error, MemoryError):
        return ImageRefused(f"unreadable: {where} asks for more memory than there is")
    text = str(error).lower()
    if "max_text_" in text:
        return ImageRefused(f"unreadable: a text or a colour profile in {where} unpacks to more than 1 MB")
    if "truncated" in text or isinstance(error, EOFError) or "not enough data" in text:
        return ImageRefused(f"unreadable: the file ends too early, in {where}")
    if isinstance(error, UnidentifiedImageError) and where == "the header":
        return ImageRefused("unreadable: the header is damaged or of an unsupported kind")
    return ImageRefused(f"unreadable: {where} is damaged")


def quiet_pillow() -> None:
    """Have Pillow's remarks on odd files (broken tags, malformed MPO, large sizes) ignored, in every thread.

    `warnings.catch_warnings` swaps the filters of the whole process and is not safe in threads (Python 3.11),
    so two filters are put in front once and left there. They are looked up on every call because a test
    runner replaces the filters around each test. Deprecations are not silenced. What Pillow logs of a broken file
    stands in the reason already, in better words.
    """
    log = logging.getLogger("PIL")
    if log.level != logging.CRITICAL:  # setting it visits every logger of the process
        log.setLevel(logging.CRITICAL)
    for wanted, category in ((_QUIET, UserWarning), (_QUIET_SIZE, Image.DecompressionBombWarning)):
        if wanted not in warnings.filters[:2]:
            warnings.filterwarnings("ignore", category=category, module=r"PIL\.")


def _check(facts: ImageFacts) -> None:
    _check_pixels(facts.width, facts.height)
    if min(facts.width, facts.height) < MIN_SIDE:
        raise ImageRefused(
            f"too small: expected sides of at least {MIN_SIDE} pixels, received {facts.width} x {facts.height}"
        )
    if max(facts.width, facts.height) > MAX_ASPECT * min(facts.width, facts.height):
        raise ImageRefused(
            f"too narrow: expected a longer side of at most {MAX_ASPECT} times the shorter one, received "
            f"{facts.width} x {facts.height}"
        )
    if facts.frames > 1 and facts.format is ImageFormat.TIFF:
        raise ImageRefused("several pages: expected one picture a file, received a TIFF with more pages")
    if facts.frames > 1 and facts.format is not ImageFormat.JPEG:
        raise ImageRefused(
            f"animated: expected a still picture, received {facts.format.value} with {facts.frames} frames"
        )
    if facts.mode not in _MODES:
        reason = f"pixel layout {facts.mode} is unknown: expected RGB or grey with 8 or 16 bits a channel"
        raise ImageRefused(_REFUSED_MODES.get(facts.mode, reason))


def _check_pixels(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ImageRefused(
            f"too large: expected at most {MAX_PIXELS // 1_000_000} megapixels, received "
            f"{width} x {height} pixels ({_above(width * height / 1e6)} megapixels)"
        )


def _count_frames(image: ImageFile.ImageFile, found: ImageFormat) -> int:
    """Return the frames of a picture; for a TIFF only 1 or 2, since counting walks through the whole file."""
    if found is ImageFormat.TIFF:
        return 2 if getattr(image, "is_animated", False) else 1
    return int(getattr(image, "n_frames", 1))


def _webp_canvas(data: bytes) -> tuple[int, int]:
    """Return the width and height in the first chunk of a WebP file (RFC 9649), (0, 0) if it is broken."""
    try:
        if data[12:16] == b"VP8X":
            width = int.from_bytes(data[24:27], "little") + 1
            return width, int.from_bytes(data[27:30], "little") + 1
        if data[12:16] == b"VP8L":
            bits: int = struct.unpack_from("<I", data, 21)[0]
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    except struct.error:
        return 0, 0  # Pillow refuses it in a moment
