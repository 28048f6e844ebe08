"""Pixels come out upright, in sRGB, at 8 bits, or not at all."""

import io
import struct
import threading
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from models import decoding
from models.decoding import decode
from models.errors import ImageRefused


def encoded(image: Image.Image, pillow_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, pillow_format, **options)
    return out.getvalue()


def scene(width: int = 96, height: int = 80, seed: int = 3) -> NDArray[np.uint8]:
    """A picture without any symmetry: smooth colours, a dark spot off the centre and a little noise."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 2, (height, width, 3))
    base = np.stack([150 + 80 * x / width, 90 + 90 * y / height, 60 + 60 * x * y / width / height], axis=-1)
    spot = 90 * np.exp(-((x - 0.3 * width) ** 2 + (y - 0.6 * height) ** 2) / (0.02 * width * height))
    return np.clip(base - spot[..., None] + noise, 0, 255).astype(np.uint8)


def picture(width: int = 96, height: int = 80) -> Image.Image:
    return Image.fromarray(scene(width, height))


def reason(data: bytes, suffix: str = "") -> str:
    with pytest.raises(ImageRefused) as refused:
        decode(data, suffix)
    return str(refused.value)


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG written by hand, for depths and chunks that Pillow cannot write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


# -- plain pictures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pillow_format", "options"),
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_give_the_very_pixels(pillow_format: str, options: dict[str, object]) -> None:
    pixels = decode(encoded(picture(), pillow_format, **options), "")
    assert pixels.dtype == np.uint8 and pixels.shape == (80, 96, 3)
    assert pixels.flags.c_contiguous and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, scene())


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_what_pillow_decodes(progressive: bool) -> None:
    data = encoded(picture(), "JPEG", quality=95, progressive=progressive)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(decode(data, ".jpg"), np.asarray(image))


@pytest.mark.parametrize("pillow_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette(pillow_format: str, mode: str) -> None:
    image = picture().convert(mode)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(decode(encoded(image, pillow_format), ""), expected)


def test_mpo_gives_its_first_picture() -> None:
    data = encoded(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (96, 80), "blue")])
    np.testing.assert_array_equal(decode(data, ".jpg"), decode(encoded(picture(), "JPEG"), ".jpg"))
    assert decode(data, ".jpg", at_least=20).shape == (40, 48, 3)


def test_refusals_of_the_header_come_through() -> None:
    assert reason(b"").startswith("empty")
    assert reason(encoded(picture(), "PNG"), ".jpg").startswith("wrong extension")


# -- orientation ------------------------------------------------------------------------------------------

# What a viewer must do for each value, EXIF 2.32 table 6.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("pillow_format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_exact(pillow_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"lossless": True} if pillow_format == "WEBP" else {}
    data = encoded(picture(), pillow_format, exif=exif.tobytes() if pillow_format != "TIFF" else exif, **options)
    np.testing.assert_array_equal(decode(data, ""), UPRIGHT[orientation](scene()))


@pytest.mark.parametrize("at_least", [None, 20])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_jpeg(orientation: int, at_least: int | None) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = decode(encoded(picture(), "JPEG"), ".jpg", at_least)
    turned = decode(encoded(picture(), "JPEG", exif=exif.tobytes()), ".jpg", at_least)
    np.testing.assert_array_equal(turned, UPRIGHT[orientation](stored))


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage that is no TIFF at all",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0six\0\0\0\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
    ],
)
def test_broken_exif_does_not_spoil_a_sound_picture(exif: bytes) -> None:
    data = encoded(picture(), "JPEG", exif=exif)
    np.testing.assert_array_equal(decode(data, ".jpg"), decode(encoded(picture(), "JPEG"), ".jpg"))


# -- 16 bits ----------------------------------------------------------------------------------------------

RAMP = np.linspace(0, 65535, 256 * 64).astype(np.uint16).reshape(64, 256)


def assert_is_ramp(pixels: NDArray[np.uint8]) -> None:
    expected = np.rint(RAMP / 257).astype(np.uint8)
    np.testing.assert_array_equal(pixels, np.repeat(expected[..., None], 3, axis=-1))
    assert (pixels.min(), pixels.max(), len(np.unique(pixels))) == (0, 255, 256)


def test_16_bit_grey_png_spans_the_whole_range() -> None:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in RAMP)
    assert_is_ramp(decode(png(256, 64, 16, 0, rows), ".png"))


def tiff_grey(values: NDArray[np.uint16], order: str, bits: int = 16, photometric: int = 1) -> bytes:
    """A grey TIFF with one strip, written by hand in either byte order ("<" or ">")."""
    height, width = values.shape
    pixels = values.astype(f"{order}u2").tobytes()
    if bits == 12:
        flat = values.reshape(-1, 2).astype(np.uint32)
        packed = (flat[:, 0] << 12) | flat[:, 1]
        pixels = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8).tobytes()
    tags = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 134), (277, 3, 1), (278, 3, height), (279, 4, len(pixels)),
    ]  # fmt: skip
    ifd = struct.pack(f"{order}H", len(tags))
    for tag, kind, value in tags:
        body = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        ifd += struct.pack(f"{order}HHI", tag, kind, 1) + body
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return (head + ifd + bytes(4)).ljust(134, b"\0") + pixels


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_grey_tiff_spans_the_whole_range(order: str) -> None:
    assert_is_ramp(decode(tiff_grey(RAMP, order), ".tif"))


def test_16_bit_tiff_with_white_as_zero_is_no_negative() -> None:
    assert_is_ramp(decode(tiff_grey(65535 - RAMP, "<", photometric=0), ".tif"))


def test_12_bit_tiff_spans_the_whole_range() -> None:
    values = np.linspace(0, 4095, 256 * 64).astype(np.uint16).reshape(64, 256)
    pixels = decode(tiff_grey(values, "<", bits=12), ".tif")
    np.testing.assert_array_equal(pixels[..., 0], np.rint(values / 4095 * 255).astype(np.uint8))


def test_16_bit_rgb_png_keeps_the_high_byte() -> None:
    colours = np.stack([RAMP, RAMP[:, ::-1], RAMP // 2], axis=-1)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    pixels = decode(png(256, 64, 16, 2, rows), ".png")
    np.testing.assert_array_equal(pixels, (colours >> 8).astype(np.uint8))
    assert np.abs(pixels - colours / 257).max() <= 1


# -- transparency -----------------------------------------------------------------------------------------

TRANSPARENT = "transparent: real alpha, expected every pixel to be opaque"


@pytest.mark.parametrize(("pillow_format", "mode"), [
    ("PNG", "RGBA"), ("PNG", "LA"), ("TIFF", "RGBA"), ("TIFF", "LA"), ("TIFF", "PA"), ("WEBP", "RGBA"),
])  # fmt: skip
def test_alpha(pillow_format: str, mode: str) -> None:
    image = picture().convert("P").convert("PA") if mode == "PA" else picture().convert(mode)
    opaque = np.asarray(image.convert("RGB"))
    options: dict[str, object] = {"lossless": True} if pillow_format == "WEBP" else {}
    np.testing.assert_array_equal(decode(encoded(image, pillow_format, **options), ""), opaque)
    alpha = image.getchannel("A")
    alpha.putpixel((5, 7), 254)
    image.putalpha(alpha)
    assert reason(encoded(image, pillow_format, exact=True, **options)) == TRANSPARENT


def test_transparent_palette_entry_counts_only_where_it_is_used() -> None:
    image = picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=200)
    expected = np.asarray(image.convert("RGB"))
    used = int(np.asarray(image)[3, 3])
    np.testing.assert_array_equal(decode(encoded(image, "PNG", transparency=250), ""), expected)
    assert reason(encoded(image, "PNG", transparency=used)) == TRANSPARENT
    alphas = bytearray(b"\xff" * 200)
    np.testing.assert_array_equal(decode(encoded(image, "PNG", transparency=bytes(alphas)), ""), expected)
    alphas[used] = 128
    assert reason(encoded(image, "PNG", transparency=bytes(alphas))) == TRANSPARENT


@pytest.mark.parametrize(("mode", "absent", "present"), [("L", 3, 77), ("RGB", (1, 2, 3), (9, 99, 199))])
def test_transparent_colour_counts_only_where_it_is_used(mode: str, absent: object, present: object) -> None:
    image = Image.new(mode, (70, 70), 200 if mode == "L" else (200, 150, 120))
    image.putpixel((4, 4), present)  # type: ignore[arg-type]
    assert decode(encoded(image, "PNG", transparency=absent), "").shape == (70, 70, 3)
    assert reason(encoded(image, "PNG", transparency=present)) == TRANSPARENT


@pytest.mark.parametrize(("depth", "per_byte"), [(1, 8), (2, 4), (4, 2)])
def test_transparent_colour_of_few_bits(depth: int, per_byte: int) -> None:
    rows = (b"\0" + b"\xff" * (64 // per_byte)) * 64  # every sample has the highest value
    highest = struct.pack(">H", (1 << depth) - 1)
    assert reason(png(64, 64, depth, 0, rows, (b"tRNS", highest))) == TRANSPARENT
    assert decode(png(64, 64, depth, 0, rows, (b"tRNS", b"\0\0")), ".png").min() == 255


def test_transparent_colour_of_16_bits() -> None:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in RAMP)
    assert reason(png(256, 64, 16, 0, rows, (b"tRNS", struct.pack(">H", int(RAMP[9, 9]))))) == TRANSPARENT
    absent = next(value for value in range(65536) if value not in set(RAMP.ravel().tolist()))
    assert_is_ramp(decode(png(256, 64, 16, 0, rows, (b"tRNS", struct.pack(">H", absent))), ".png"))
    colours = b"".join(b"\0" + np.repeat(row[:, None], 3, 1).astype(">u2").tobytes() for row in RAMP)
    key = struct.pack(">HHH", *[int(RAMP[9, 9])] * 3)
    assert reason(png(256, 64, 16, 2, colours, (b"tRNS", key))) == TRANSPARENT


# -- colour profiles --------------------------------------------------------------------------------------


def profile(gamma: float, primaries: tuple[tuple[float, float, float], ...], *, grey: bool = False) -> bytes:
    """An ICC v2 display profile written by hand (ICC.1:2001-04): a matrix, or grey, with a gamma curve."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78) + bytes(1)
    tags = [(b"desc", text), (b"cprt", b"text" + bytes(4) + b"none"), (b"wtpt", b"XYZ " + bytes(4) + D50)]
    if grey:
        tags.append((b"kTRC", curve))
    else:
        for letter, values in zip(b"rgb", primaries, strict=True):
            tags.append((bytes([letter]) + b"TRC", curve))
            tags.append((bytes([letter]) + b"XYZ", b"XYZ " + bytes(4) + b"".join(map(fixed, values))))
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, content in tags:
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content.ljust(-(-len(content) // 4) * 4, b"\0")
    space = b"GRAY" if grey else b"RGB "
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + D50
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


D50 = struct.pack(">iii", 63190, 65536, 54061)
SRGB_PRIMARIES = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
P3_PRIMARIES = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))


@pytest.mark.parametrize(("pillow_format", "suffix"), [("PNG", ".png"), ("TIFF", ".tif"), ("JPEG", ".jpg")])
def test_srgb_profile_changes_nothing(pillow_format: str, suffix: str) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = decode(encoded(picture(), pillow_format), suffix)
    np.testing.assert_array_equal(decode(encoded(picture(), pillow_format, icc_profile=srgb), suffix), plain)


def test_swapped_primaries_swap_the_channels() -> None:
    red, green, blue = SRGB_PRIMARIES
    swapped = profile(2.2, (blue, green, red))
    image = Image.new("RGB", (80, 80), (250, 20, 20))
    r, g, b = decode(encoded(image, "PNG", icc_profile=swapped), ".png")[40, 40]
    assert b > 245 and r < 30 and g < 30


def test_display_p3_becomes_srgb() -> None:
    """P3 (180, 140, 120) at gamma 2.2 is a stronger red in the smaller sRGB; computed from the matrices."""
    linear = (np.array([180, 140, 120]) / 255) ** 2.2
    inside = np.linalg.inv(np.array(SRGB_PRIMARIES).T) @ np.array(P3_PRIMARIES).T @ linear
    expected = np.where(inside <= 0.0031308, 12.92 * inside, 1.055 * inside ** (1 / 2.4) - 0.055) * 255
    image = Image.new("RGB", (80, 80), (180, 140, 120))
    data = encoded(image, "JPEG", quality=100, subsampling=0, icc_profile=profile(2.2, P3_PRIMARIES))
    received = decode(data, ".jpg")[40, 40]
    assert np.abs(received - expected).max() <= 2
    assert received[0] > 184


def test_grey_profile() -> None:
    image = Image.new("L", (80, 80), 128)
    linear = profile(1.0, (), grey=True)
    pixels = decode(encoded(image, "PNG", icc_profile=linear), ".png")
    # 50 % linear light is 188 in sRGB.
    assert np.ptp(pixels) <= 1 and abs(int(pixels[0, 0, 0]) - 188) <= 1
    assert decode(encoded(picture(), "PNG", icc_profile=linear), ".png").tolist() == scene().tolist()


def test_rgb_profile_on_a_grey_picture() -> None:
    image = Image.new("L", (80, 80), 128)
    pixels = decode(encoded(image, "PNG", icc_profile=profile(1.0, SRGB_PRIMARIES)), ".png")
    assert abs(int(pixels[0, 0, 0]) - 188) <= 1


@pytest.mark.parametrize("broken", [b"\0", b"no profile at all", bytes(128), bytes(4000)])
def test_broken_profile_is_taken_for_srgb(broken: bytes) -> None:
    np.testing.assert_array_equal(decode(encoded(picture(), "PNG", icc_profile=broken), ".png"), scene())


def test_truncated_profile_is_taken_for_srgb() -> None:
    whole = profile(1.0, SRGB_PRIMARIES)
    cut = encoded(picture(), "PNG", icc_profile=whole[:200])
    np.testing.assert_array_equal(decode(cut, ".png"), scene())


def test_profile_and_orientation_together() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    p3 = profile(2.2, P3_PRIMARIES)
    plain = decode(encoded(picture(), "PNG", icc_profile=p3), "")
    turned = decode(encoded(picture(), "PNG", icc_profile=p3, exif=exif.tobytes()), "")
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


# -- shrinking while decoding -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "at_least", "expected"),
    [
        (1600, 1200, None, (1200, 1600)),
        (1600, 1200, 128, (300, 400)),  # 8 would leave 150 x 200, below 256
        (1600, 1200, 64, (150, 200)),
        (1600, 1200, 224, (600, 800)),
        (1600, 1200, 400, (1200, 1600)),
        (1601, 1203, 75, (151, 201)),
        (300, 1600, 64, (800, 150)),
        (100, 100, 224, (100, 100)),
    ],
)
def test_draft_keeps_twice_the_input_side(
    width: int, height: int, at_least: int | None, expected: tuple[int, int]
) -> None:
    pixels = decode(encoded(Image.new("RGB", (width, height), "pink"), "JPEG"), ".jpg", at_least)
    assert pixels.shape == (*expected, 3)
    if at_least is not None:
        assert min(expected) >= min(2 * at_least, height, width)


def test_draft_shows_the_same_picture() -> None:
    data = encoded(picture(1600, 1200).resize((1600, 1200)), "JPEG", quality=95)
    whole = Image.fromarray(decode(data, ".jpg")).resize((224, 168), Image.Resampling.BOX)
    shrunk = Image.fromarray(decode(data, ".jpg", 224)).resize((224, 168), Image.Resampling.BOX)
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(shrunk)).mean() < 1.5


@pytest.mark.parametrize("strip_rows", [80, 16])
def test_a_tiff_whose_strips_leave_parts_out(strip_rows: int) -> None:
    data = encoded(picture(), "TIFF", tiffinfo={278: strip_rows})
    decode(data, "")
    place = data.index(struct.pack("<HHI", 257, 4, 1)) if struct.pack("<HHI", 257, 4, 1) in data else -1
    place = place if place >= 0 else data.index(struct.pack("<HHI", 257, 3, 1))
    taller = data[: place + 8] + struct.pack("<I", 200) + data[place + 12 :]
    assert reason(taller).startswith("unreadable: ")


def test_a_tiff_without_one_of_its_channels() -> None:
    planes = scene().transpose(2, 0, 1).copy()
    entries = [(256, 3, 1, 96), (257, 3, 1, 80), (258, 3, 3, 200), (262, 3, 1, 2), (273, 4, 3, 206), (277, 3, 1, 3),
               (278, 3, 1, 80), (279, 4, 3, 218), (284, 3, 1, 2)]  # fmt: skip

    def tiff(count: int) -> bytes:
        shown = [(tag, kind, count if tag in (273, 279) else number, value) for tag, kind, number, value in entries]
        head = b"II*\0" + struct.pack("<IH", 8, len(shown)) + b"".join(struct.pack("<HHII", *item) for item in shown)
        values = struct.pack("<HHH", 8, 8, 8) + struct.pack("<6I", 300, 7980, 15660, 7680, 7680, 7680)
        return (head.ljust(200, b"\0") + values).ljust(300, b"\0") + planes.tobytes()

    np.testing.assert_array_equal(decode(tiff(3), ""), scene())
    assert reason(tiff(2)) == "unreadable: parts of the picture data are missing"


def test_a_vast_profile_or_exif_block_is_passed_over() -> None:
    swapped = profile(2.2, ((0.15, 0.06), (0.3, 0.6), (0.64, 0.33))) + bytes(5 << 20)
    np.testing.assert_array_equal(decode(encoded(picture(), "TIFF", icc_profile=swapped), ""), scene())
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0" + bytes(2 << 20)
    np.testing.assert_array_equal(decode(encoded(picture(), "PNG", exif=exif), ""), scene())


def test_other_formats_are_not_shrunk() -> None:
    assert decode(encoded(picture(900, 800), "PNG"), ".png", 64).shape == (800, 900, 3)


# -- broken files -----------------------------------------------------------------------------------------

SMALL = Image.fromarray(scene(72, 66))
RED_PNG = encoded(SMALL, "PNG")
FILES = {
    "jpeg": encoded(SMALL, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"),
    "progressive": encoded(SMALL, "JPEG", progressive=True),
    "mpo": encoded(SMALL, "MPO", save_all=True, append_images=[SMALL]),
    "png": encoded(SMALL, "PNG", icc_profile=profile(2.2, P3_PRIMARIES)),
    "palette": encoded(SMALL.convert("P"), "PNG", transparency=255),
    "tiff": encoded(SMALL, "TIFF"),
    "lzw": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "webp": encoded(SMALL, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
    "lossless": encoded(SMALL, "WEBP", lossless=True),
    "bmp": encoded(SMALL, "BMP"),
}


@pytest.mark.parametrize("name", FILES)
def test_truncation_anywhere_gives_a_picture_or_a_refusal(name: str) -> None:
    data = FILES[name]
    assert decode(data, "").shape[2] == 3
    refused = 0
    for end in sorted({*range(0, 64), *range(64, len(data), max(1, len(data) // 150)), len(data) - 1}):
        try:
            decode(data[:end], "", 20)
        except ImageRefused as error:
            refused += 1
            assert "0x" not in str(error) and len(str(error)) < 150
    assert refused > 100


@pytest.mark.parametrize("name", [name for name in FILES if name != "mpo"])
def test_half_a_file_is_refused(name: str) -> None:
    assert reason(FILES[name][: len(FILES[name]) // 2]).startswith("unreadable: ")


def test_half_a_jpeg_is_told_to_be_too_short() -> None:
    assert reason(FILES["jpeg"][:-200]) == "unreadable: the file ends too early, in the picture data"


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=50, deadline=None, database=None)
@given(flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=8))
def test_flipped_bytes_give_a_picture_or_a_refusal(name: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[name])
    for place, mask in flips:
        # The square sends most flips into the header, where they do the most harm.
        data[int(place * place * len(data))] ^= mask
    try:
        pixels = decode(bytes(data), "", 20)
    except ImageRefused:
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3


@pytest.mark.parametrize(
    "raised",
    [TypeError, IndexError, SyntaxError, struct.error, MemoryError, OSError, ValueError, KeyError, EOFError,
     RecursionError, ZeroDivisionError, UserWarning],
)  # fmt: skip
def test_whatever_pillow_raises_becomes_a_refusal(monkeypatch: pytest.MonkeyPatch, raised: type[Exception]) -> None:
    def explode(*_: object) -> None:
        raise raised("<_io.BytesIO object at 0x7f00>")

    monkeypatch.setattr(decoding, "_to_srgb", explode)
    text = reason(RED_PNG)
    assert text.startswith("unreadable: ") and "0x" not in text


@pytest.mark.parametrize(
    ("options", "pixels"),
    [
        ({"format": "PNG"}, 640 * 480),
        ({"format": "JPEG"}, 160 * 120),
        ({"format": "JPEG", "progressive": True}, 640 * 480),
    ],
    ids=["whole", "shrunk by 4 while it is decoded", "kept whole until its last scan"],
)
def test_the_pixels_that_will_be_held_are_told_before_memory_is_taken(options: dict[str, Any], pixels: int) -> None:
    told: list[int] = []
    data = encoded(picture(640, 480), options["format"], progressive=options.get("progressive", False))
    decode(data, "", at_least=60, before=told.append)
    assert told == [pixels]
    with pytest.raises(ImageRefused):
        decode(data[:20], "", before=told.append)
    assert told == [pixels]


def test_threads_get_the_pixels_of_their_own_file() -> None:
    p3 = profile(2.2, P3_PRIMARIES)
    files = [encoded(picture(90 + n, 80), "PNG", icc_profile=p3) for n in range(4)]
    expected = [decode(data, "") for data in files]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            if not np.array_equal(decode(files[number], ""), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
