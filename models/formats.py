"""Which of the five picture formats is this file? Told by its first bytes, never by its name.

Sources of the signatures: JPEG ISO/IEC 10918-1 B.1.1.3, PNG ISO/IEC 15948 5.2, TIFF 6.0 section 2 and the
BigTIFF design, WebP RFC 9649 2.4, BMP: the Windows bitmap headers (BITMAPCOREHEADER to BITMAPV5HEADER).
"""

from enum import Enum

from models.errors import ImageRefused

HEAD_BYTES = 32
"""So many bytes from the start of a file are enough for `sniff`."""

# Sizes of the bitmap headers that exist, from OS/2 1.x (12) to BITMAPV5HEADER (124). Two letters "BM" alone
# also begin many texts, so the header size is asked for as well.
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


class ImageFormat(Enum):
    """A format that is screened. The value is the name shown to people."""

    JPEG = "JPEG"  # photographs from cameras and dermoscopes; an MPO is a JPEG with more pictures behind it
    PNG = "PNG"  # lossless; 8 or 16 bits; may be transparent or animated, which is refused
    TIFF = "TIFF"  # lossless from scanners and archives; may have several pages, which is refused
    WEBP = "WebP"  # from web uploads; may be animated or transparent, which is refused
    BMP = "BMP"  # uncompressed, from older capture stations

    @property
    def extensions(self) -> tuple[str, ...]:
        """The file name extensions of this format, in lower case with the dot, the usual one first."""
        return _EXTENSIONS[self]


_EXTENSIONS = {
    ImageFormat.JPEG: (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    ImageFormat.PNG: (".png",),
    ImageFormat.TIFF: (".tif", ".tiff"),
    ImageFormat.WEBP: (".webp",),
    ImageFormat.BMP: (".bmp", ".dib"),
}
_FORMAT_OF_EXTENSION = {extension: found for found, names in _EXTENSIONS.items() for extension in names}


def sniff(head: bytes) -> ImageFormat | None:
    """Return the format that the first bytes of a file announce, or None if it is none of the five.

    Args:
        head: the start of the file, `HEAD_BYTES` or more of it where the file has them.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    # 2A is the classic TIFF, 2B the 64-bit BigTIFF that slide scanners write and Pillow reads as well.
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return ImageFormat.TIFF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return ImageFormat.BMP
    return None


def check_extension(suffix: str, found: ImageFormat) -> None:
    """Refuse a file whose name claims another format than its content has.

    Such a file was renamed or damaged on its way, and whoever opens it elsewhere may see another picture
    than the one that was screened. A name without an extension claims nothing and is accepted.

    Args:
        suffix: the extension of the file name with its dot, in any case, or "".
        found: the format of the content.

    Raises:
        ImageRefused: the extension belongs to another format or to none that is screened.
    """
    claimed = suffix.lower()
    if not claimed or claimed in found.extensions:
        return
    # An unknown extension is not repeated: "lesion.Jane Doe" has one, and the reason must not name a person.
    named = claimed if claimed in _FORMAT_OF_EXTENSION else "an extension of no format that is screened"
    raise ImageRefused(
        f"wrong extension: the content is {found.value}, expected {' or '.join(found.extensions)}, received {named}"
    )
