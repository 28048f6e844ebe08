"""How much work does a file ask for before its first pixel? Counted here before Pillow is let at it.

The limits on bytes and pixels bound the pixels; they do not bound what stands around them. Within 64 MB a JPEG can
hold 16 million empty comments, each of which Pillow keeps, or so many scans that one picture decodes for a day; a
TIFF of 64x64 pixels can name a tile of 2 GB, or a resolution made of 8 million fractions. Real files stay far below
these limits, whatever the camera. Pillow 13 itself reads no more bytes of tags than the file has.
"""

import re
import struct
from collections.abc import Callable

from models.errors import ImageRefused
from models.formats import ImageFormat
from models.limits import MAX_PIXELS

MAX_SEGMENTS = 10_000
"""Segments of a JPEG before its picture data. All metadata that fits into 64 MB needs 1,024 of the largest."""

MAX_EXIF_BYTES = 1 << 20
"""Bytes of an EXIF block. EXIF 2.32 allows 64 KB; a JPEG may hold several such segments, which Pillow joins one by one,
copying all of them each time."""

MAX_SCANS = 100
"""Passes over the picture data of a JPEG. Progressive encoders write 3 to 15; each costs a pass over all pixels."""

MAX_CHUNKS = 100_000
"""Chunks of a PNG. At the 8 KB that most encoders choose, picture data of 64 MB lies in 8,192."""

MAX_TAGS = 4_096
"""Entries of one TIFF directory. TIFF 6.0, EXIF, GeoTIFF and DNG together define about 500."""

MAX_NUMBERS = 1_000_000
"""Numbers in all tags of one TIFF directory, two for each strip. Pillow makes an object of each."""

MAX_FRACTIONS = 1_000
"""Fractions in all tags of one TIFF directory; each becomes three objects. DNG has about 100."""

MAX_RUN_PIXELS, MAX_RUN_BYTES = 5_000_000, 16 << 20
"""Pixels and bytes of a BMP with run-length encoding, which Pillow unpacks in Python at 2 megapixels a second; a file
of 2 KB may claim any size. The encoding is for drawings of 16 or 256 colours; photographs are not written so."""

# ISO/IEC 10918-1 table B.1: stuffed zeros, restart markers and fill bytes are no markers of segments.
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_SOS, _EOI, _SOI, _APP1 = 0xDA, 0xD9, 0xD8, 0xE1
_LONE = frozenset({0x01, _SOI, *range(0xD0, 0xD8)})  # markers without a length

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}  # TIFF 6.0
_TEXT_TYPES, _FRACTION_TYPES = frozenset({1, 2, 7}), frozenset({5, 10})
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_DIRECTORIES = frozenset({34665, 34853, 40965})  # tags that point to the EXIF, GPS and interoperability directories


def check_structure(data: bytes, found: ImageFormat) -> None:
    """Refuse a file whose structure alone would keep a decoder busy for minutes or fill the memory.

    A structure that is merely broken is left to the decoder, which has the better words for it.

    Args:
        data: the whole file.
        found: its format, as `models.formats.sniff` told it.

    Raises:
        ImageRefused: one of the limits of this module is exceeded.
    """
    check = _CHECKS.get(found)
    if check is not None:
        try:
            check(data)
        except (struct.error, IndexError):
            return  # cut short in the middle of a structure


def _check_jpeg(data: bytes) -> None:
    position, segments, exif = 2, 0, 0
    while marker := _MARKER.search(data, position):
        kind, position = marker.group(1)[0], marker.end()
        if kind == _SOS:
            _check_scans(data, position)
            return
        if kind in _LONE:
            continue
        segments += 1
        if segments > MAX_SEGMENTS:
            raise _too_complex(f"at most {MAX_SEGMENTS:,} segments before the picture data")
        (length,) = struct.unpack_from(">H", data, position)
        if kind == _APP1 and data.startswith(b"Exif\0", position + 2):
            exif += length
            if exif > MAX_EXIF_BYTES:
                raise _too_complex(f"at most {MAX_EXIF_BYTES >> 20} MB of EXIF data")
        position += max(length, 2)


def _check_scans(data: bytes, position: int) -> None:
    # Nearly every file passes here; only what lies behind the picture can make this cheap count too high.
    if data.count(b"\xff\xda", position) < MAX_SCANS:
        return
    scans = 1
    while marker := _MARKER.search(data, position):
        kind, position = marker.group(1)[0], marker.end()
        if kind == _EOI:
            return
        if kind == _SOS:
            scans += 1
            if scans > MAX_SCANS:
                raise _too_complex(f"at most {MAX_SCANS} scans")
        if kind not in _LONE:
            (length,) = struct.unpack_from(">H", data, position)
            position += max(length, 2)


def _check_png(data: bytes) -> None:
    position, chunks = 8, 0
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IEND":
            return
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise _too_complex(f"at most {MAX_CHUNKS:,} chunks")
        position += length + 12


def _check_tiff(data: bytes) -> None:
    order = ">" if data.startswith(b"MM") else "<"
    big = b"+" in data[2:4]
    (offset,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    waiting, seen = [offset], set[int]()
    while waiting:
        offset = waiting.pop(0)
        if offset < len(data) and offset not in seen:
            seen.add(offset)
            waiting += _check_directory(data, offset, order, big)


def _check_directory(data: bytes, offset: int, order: str, big: bool) -> list[int]:
    """Check one directory and return where the few directories lie that Pillow reads with it."""
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    (tags,) = struct.unpack_from(order + ("Q" if big else "H"), data, offset)
    start = offset + (8 if big else 2)
    within = (len(data) - start) // entry.size
    if within >= tags > MAX_TAGS:
        raise _too_complex(f"at most {MAX_TAGS:,} tags in a directory")
    numbers = fractions = 0
    inner: list[int] = []
    tile = {_TILE_WIDTH: 0, _TILE_LENGTH: 0}
    for place in range(start, start + min(tags, within) * entry.size, entry.size):
        tag, kind, count, field = entry.unpack_from(data, place)
        size = count * _TYPE_BYTES.get(kind, 0)
        if not 0 < size <= len(data):
            continue  # Pillow passes it over as well
        numbers += 0 if kind in _TEXT_TYPES else count
        fractions += count if kind in _FRACTION_TYPES else 0
        if size <= len(field):
            value = int.from_bytes(field[: _TYPE_BYTES[kind]], "big" if order == ">" else "little")
            if tag in _DIRECTORIES:
                inner.append(value)
            if tag in tile:
                tile[tag] = value
    if numbers > MAX_NUMBERS or fractions > MAX_FRACTIONS:
        raise _too_complex(f"at most {MAX_NUMBERS:,} numbers and {MAX_FRACTIONS:,} fractions in a directory")
    if tile[_TILE_WIDTH] * tile[_TILE_LENGTH] > MAX_PIXELS:
        raise _too_complex(f"tiles of at most {MAX_PIXELS // 1_000_000} megapixels")
    return inner


def _check_bmp(data: bytes) -> None:
    header, width, height, compression = struct.unpack_from("<14xIii4xI", data)
    runs = header >= 40 and compression in (1, 2)
    if runs and (abs(width * height) > MAX_RUN_PIXELS or len(data) > MAX_RUN_BYTES):
        raise _too_complex(f"at most {MAX_RUN_PIXELS // 1_000_000} megapixels and {MAX_RUN_BYTES >> 20} MB of runs")


def _too_complex(expected: str) -> ImageRefused:
    return ImageRefused(f"too complex: expected {expected}, received more; the file is damaged or made to do harm")


_CHECKS: dict[ImageFormat, Callable[[bytes], None]] = {
    ImageFormat.JPEG: _check_jpeg,
    ImageFormat.PNG: _check_png,
    ImageFormat.TIFF: _check_tiff,
    ImageFormat.BMP: _check_bmp,
}
