"""Everything that is refused is refused by the header, in words, and before pixels are allocated."""

import io
import resource
import struct
import sys
import threading
import tracemalloc
import warnings
import zlib

import pytest
from PIL import Image

from models import inspection
from models.errors import ImageRefused
from models.formats import ImageFormat
from models.inspection import ImageFacts, inspect


def encoded(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, pillow_format, **options)
    return out.getvalue()


def pink(width: int = 80, height: int = 70, mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (width, height), (220, 170, 150)).convert(mode)


def reason(data: bytes, suffix: str = "") -> str:
    with pytest.raises(ImageRefused) as refused:
        inspect(data, suffix)
    return str(refused.value)


def png_of_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def jpeg_of_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(pink(), "JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_of_header(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<II", 10, 0)
    body += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    still = encoded(pink(), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(body) + len(still)) + b"WEBP" + body + still


def bmp_of_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(pink(), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def tiff_of_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(pink(), "TIFF"))
    for tag, value in ((256, width), (257, height)):
        at = data.index(struct.pack("<HH", tag, 4 if struct.pack("<HH", tag, 4) in data else 3))
        data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("pillow_format", "suffix", "expected"),
    [
        ("JPEG", ".JPG", ImageFormat.JPEG),
        ("PNG", ".png", ImageFormat.PNG),
        ("TIFF", ".tiff", ImageFormat.TIFF),
        ("WEBP", ".webp", ImageFormat.WEBP),
        ("BMP", ".bmp", ImageFormat.BMP),
        ("BMP", "", ImageFormat.BMP),
    ],
)
def test_sound_files(pillow_format: str, suffix: str, expected: ImageFormat) -> None:
    facts = inspect(encoded(pink(), pillow_format), suffix)
    assert facts == ImageFacts(expected, 80, 70, 1, "RGB")


@pytest.mark.parametrize(
    ("pillow_format", "mode"),
    [
        *[("PNG", mode) for mode in ("1", "L", "P", "LA", "RGB", "RGBA")],
        *[("TIFF", mode) for mode in ("1", "L", "P", "LA", "PA", "RGB", "RGBA")],
        ("JPEG", "L"),
    ],
)
def test_sound_pixel_layouts(pillow_format: str, mode: str) -> None:
    image = pink().convert("P").convert("PA") if mode == "PA" else pink(mode=mode)
    assert inspect(encoded(image, pillow_format), "").mode == mode


def test_empty() -> None:
    assert reason(b"", ".jpg") == "empty: the file has 0 bytes"


def test_over_64_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "MAX_FILE_BYTES", 1 << 20)
    assert reason(bytes((1 << 20) + 1)).startswith("too large: expected a file of at most 1 MB, received 1.1 MB")


def test_the_limits_are_those_of_the_brief() -> None:
    assert (inspection.MAX_FILE_BYTES, inspection.MAX_PIXELS, inspection.MIN_SIDE) == (
        67_108_864,
        50_000_000,
        64,
    )


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"Dear colleague, please find the picture attached.", "text"),
        ("Sehr geehrte Frau Kollegin, schöne Grüße".encode(), "text"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PK\x03\x04\x14\0\0\0", "a ZIP archive"),
        (bytes(128) + b"DICM\x02\0\0\0", "DICOM"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC or AVIF"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (bytes(100), "zero bytes alone"),
        (bytes(range(100)), "something else"),
    ],
)
def test_not_an_image(data: bytes, received: str) -> None:
    expected = f"not an image: expected JPEG, PNG, TIFF, WebP or BMP, received {received}"
    assert reason(data, ".jpg") == expected


def test_gif_is_no_format_of_ours() -> None:
    assert reason(encoded(pink(), "GIF"), ".gif").endswith("received GIF")


def test_wrong_extension() -> None:
    assert reason(encoded(pink(), "PNG"), ".jpg").startswith("wrong extension: the content is PNG")


@pytest.mark.parametrize("pillow_format", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_unreadable_header(pillow_format: str) -> None:
    data = encoded(pink(), pillow_format)
    text = reason(data[:20])
    assert text.startswith("unreadable: ")
    assert "0x" not in text and "BytesIO" not in text


@pytest.mark.parametrize("side", [7072, 9000, 14000, 16383])
@pytest.mark.parametrize("bomb", [png_of_header, jpeg_of_header, webp_of_header, bmp_of_header, tiff_of_header])
def test_over_50_megapixels_is_refused_without_allocating(bomb: object, side: int) -> None:
    assert callable(bomb)
    data = bomb(side, side)
    inspect(encoded(pink(), "PNG"), "")  # imports are not counted
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # also sees what C code allocates
    tracemalloc.start()
    try:
        text = reason(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
    assert grown / (1 << 20 if sys.platform == "darwin" else 1 << 10) < 50  # MB
    assert text.startswith("too large: expected at most 50 megapixels")
    assert peak < 2_000_000


def test_just_under_50_megapixels_is_accepted() -> None:
    assert inspect(png_of_header(7071, 7071), ".png").width == 7071


def test_the_size_is_in_the_reason() -> None:
    assert reason(jpeg_of_header(9000, 9000)) == (
        "too large: expected at most 50 megapixels, received 9000 x 9000 pixels (81.0 megapixels)"
    )


@pytest.mark.parametrize(("width", "height"), [(63, 500), (500, 63), (1, 1)])
def test_too_small(width: int, height: int) -> None:
    expected = f"too small: expected sides of at least 64 pixels, received {width} x {height}"
    assert reason(encoded(pink(width, height), "PNG")) == expected


@pytest.mark.parametrize(("width", "height"), [(641, 64), (64, 641), (65_535, 90)])
def test_too_narrow(width: int, height: int) -> None:
    expected = f"at most 10 times the shorter one, received {width} x {height}"
    assert reason(encoded(pink(width, height), "PNG")).endswith(expected)


def test_64_pixels_are_enough() -> None:
    assert inspect(encoded(pink(64, 64), "JPEG"), ".jpg").height == 64


@pytest.mark.parametrize("pillow_format", ["JPEG", "TIFF"])
def test_cmyk(pillow_format: str) -> None:
    assert reason(encoded(pink(mode="CMYK"), pillow_format)).startswith("printing colours (CMYK)")


def test_ycck_jpeg() -> None:
    data = bytearray(encoded(pink(mode="CMYK"), "JPEG"))
    adobe = data.index(b"Adobe")
    data[adobe + 11] = 2  # the transform flag of the Adobe marker: 2 is YCCK
    assert reason(bytes(data)).startswith("printing colours (CMYK)")


@pytest.mark.parametrize(("mode", "words"), [("I", "32-bit grey"), ("F", "floating-point grey")])
def test_grey_without_a_white(mode: str, words: str) -> None:
    assert reason(encoded(Image.new(mode, (80, 70)), "TIFF")).startswith(words)


def test_unknown_layout() -> None:
    assert reason(encoded(Image.new("LAB", (80, 70)), "TIFF")).startswith("pixel layout LAB is unknown")


@pytest.mark.parametrize(("pillow_format", "name"), [("PNG", "PNG"), ("WEBP", "WebP")])
def test_animated(pillow_format: str, name: str) -> None:
    other = Image.new("RGB", (80, 70), "blue")
    data = encoded(pink(), pillow_format, save_all=True, append_images=[other])
    assert reason(data) == f"animated: expected a still picture, received {name} with 2 frames"


def test_several_pages() -> None:
    data = encoded(pink(), "TIFF", save_all=True, append_images=[Image.new("RGB", (80, 70), "blue")] * 3)
    assert reason(data, ".tif").startswith("several pages: expected one picture a file")


def test_mpo_is_accepted() -> None:
    data = encoded(pink(), "MPO", save_all=True, append_images=[Image.new("RGB", (80, 70), "blue")])
    assert inspect(data, ".jpg") == ImageFacts(ImageFormat.JPEG, 80, 70, 2, "RGB")


def test_remarks_of_pillow_are_no_refusals() -> None:
    """An invalid APNG chunk makes Pillow warn; the picture is sound. Here warnings are errors."""
    data = encoded(pink(), "PNG")
    body = b"acTL" + struct.pack(">II", 0, 0)
    chunk = struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body))
    assert inspect(data[:33] + chunk + data[33:], ".png").frames == 1


def test_deprecations_are_not_silenced() -> None:
    inspection.quiet_pillow()
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("old", DeprecationWarning, "x.py", 1, module="PIL.Image")


def test_in_threads() -> None:
    files = [jpeg_of_header(9000, 9000), png_of_header(14000, 14000), encoded(pink(), "WEBP")]
    answers: list[str] = []

    def work() -> None:
        for data in files * 20:
            try:
                answers.append(inspect(data, "").format.value)
            except ImageRefused as refused:
                answers.append(str(refused)[:9])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(answers)) == ["WebP", "too large"]
    assert answers.count("WebP") == 80
