"""Does a file reach the end that it announces itself? Asked where Pillow takes a file cut short for a whole one.

Pillow is content once it has all pixels: of a PNG it misses neither the end nor the checksum of the last picture
data. A copy that broke off is no sound file, however much of it arrived.
"""

from collections.abc import Callable

from models.errors import ImageRefused
from models.formats import ImageFormat


def check_ending(data: bytes, found: ImageFormat) -> None:
    """Refuse a file that ends before its own end. What follows behind that end is nobody's business.

    JPEG and BMP are left to the decoder, which misses their last byte; so are a TIFF's pixels.

    Args:
        data: the whole file.
        found: its format, as `models.formats.sniff` told it.

    Raises:
        ImageRefused: the file is cut short.
    """
    check = _REACHES_ITS_END.get(found)
    if check is not None and not check(data):
        raise ImageRefused("unreadable: the file ends too early, before the end that it announces")


def _png(data: bytes) -> bool:
    """Chunk after chunk to IEND, each with 4 bytes of length, type and checksum (ISO/IEC 15948 5.3, 11.2.5)."""
    start = 8
    while start + 12 <= len(data):
        end = start + int.from_bytes(data[start : start + 4], "big") + 12
        if data[start + 4 : start + 8] == b"IEND":
            return end <= len(data)
        start = end
    return False


def _webp(data: bytes) -> bool:
    """The size in the RIFF header counts what follows it (RFC 9649 2.4)."""
    return int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _tiff(data: bytes) -> bool:
    """The first directory, which writers put at the end where they pack the pixels (TIFF 6.0 section 2, BigTIFF)."""
    place = data[8:16] if b"+" in data[2:4] else data[4:8]
    return int.from_bytes(place, "big" if data.startswith(b"MM") else "little") < len(data)


_REACHES_ITS_END: dict[ImageFormat, Callable[[bytes], bool]] = {
    ImageFormat.PNG: _png,
    ImageFormat.WEBP: _webp,
    ImageFormat.TIFF: _tiff,
}
