"""Files that would keep a decoder busy for minutes, or fill the memory, before their first pixel."""

import io
import struct
import zlib

import pytest
from PIL import Image

from models import structure
from models.decoding import decode
from models.errors import ImageRefused
from models.inspection import inspect


def encoded(pillow_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((96, 80), 60).convert("RGB").save(out, pillow_format, **options)
    return out.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def behind_soi(data: bytes, inserted: bytes) -> bytes:
    return data[:2] + inserted + data[2:]


def tiff(order: str, *entries: tuple[int, int, int, bytes], big: bool = False) -> bytes:
    """A TIFF of one directory behind its header, with the values of its tags as they stand in the entries."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8)
    body = struct.pack(order + ("Q" if big else "H"), len(entries))
    for tag, kind, count, value in entries:
        body += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, count) + value.ljust(8 if big else 4, b"\0")
    return head + body + bytes(8)


def reason(data: bytes) -> str:
    with pytest.raises(ImageRefused) as refused:
        inspect(data, "")
    return str(refused.value)


def test_every_real_encoding_passes() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 1}, {"exif": exif}):
        inspect(encoded("JPEG", **options), ".jpg")
    for options in ({}, {"big_tiff": True}, {"compression": "jpeg"}, {"exif": exif}):
        inspect(encoded("TIFF", **options), ".tif")
    inspect(encoded("PNG", exif=exif), ".png")


def test_a_jpeg_of_comments() -> None:
    data = encoded("JPEG")
    inspect(behind_soi(data, segment(0xFE, b"") * 9_000), "")
    assert reason(behind_soi(data, segment(0xFE, b"") * 16_000)).startswith(
        "too complex: expected at most 10,000 segments before the picture data, received more"
    )


def test_a_jpeg_with_more_exif_than_any_camera_writes() -> None:
    block = segment(0xE1, b"Exif\0\0" + bytes(60_000))
    data = encoded("JPEG")
    inspect(behind_soi(data, block * 17), "")
    assert "1 MB of EXIF data" in reason(behind_soi(data, block * 18))


def scans(number: int) -> bytes:
    """A progressive JPEG whose last scan stands there so many times more."""
    data = encoded("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * number + b"\xff\xd9"


def test_a_jpeg_of_many_scans() -> None:
    decode(scans(20), "")
    assert "at most 100 scans" in reason(scans(120))


def test_scans_behind_the_picture_are_not_its_own() -> None:
    data = encoded("JPEG", progressive=True)
    inspect(data + b"\xff\xda\0\0" * 1_000, "")
    inspect(data + data * 30, "")


def test_a_png_of_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "MAX_CHUNKS", 1_000)
    empty = struct.pack(">I4sI", 0, b"prVt", zlib.crc32(b"prVt"))
    data = encoded("PNG")
    inspect(data[:33] + empty * 900 + data[33:], "")
    for place in (33, -12):  # before and behind the picture data
        assert "at most 1,000 chunks" in reason(data[:place] + empty * 1_000 + data[place:])
    inspect(data + empty * 1_000, "")  # behind the end nothing is read


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_numbers(order: str, big: bool) -> None:
    pad = bytes(9_000_000)
    fractions = tiff(order, (282, 5, 1_001, b""), big=big)
    assert "1,000 fractions" in reason(fractions + pad)
    strips = tiff(order, (273, 4, 600_000, b""), (279, 4, 600_000, b""), big=big)
    assert "1,000,000 numbers" in reason(strips + pad)
    # what the file is too short for is passed over by Pillow, and what is text costs nothing
    harmless = tiff(order, (282, 5, 1_000_000_000, b""), (700, 1, 8_000_000, b""), big=big)
    assert reason(harmless + pad).startswith("unreadable: ")


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_in_an_inner_directory(order: str) -> None:
    inner = tiff(order, (0x9202, 5, 2_000, b""))
    outer = tiff(order, (34665, 4, 1, struct.pack(order + "I", 1_008)))
    data = outer.ljust(1_000, b"\0") + inner + bytes(20_000)
    assert "1,000 fractions" in reason(data)


@pytest.mark.parametrize(("order", "kind"), [("<", 3), (">", 3), ("<", 4), (">", 4)])
def test_a_tiff_with_a_tile_larger_than_any_picture(order: str, kind: int) -> None:
    side = struct.pack(order + "HI"[kind - 3], 10_000)
    assert "tiles of at most 50 megapixels" in reason(tiff(order, (322, kind, 1, side), (323, kind, 1, side)))


def test_a_bigtiff_of_tags() -> None:
    assert "at most 4,096 tags" in reason(tiff("<", *[(n, 3, 1, b"") for n in range(4_097)], big=True))


def test_directories_that_point_at_each_other() -> None:
    assert reason(tiff("<", (34665, 4, 1, struct.pack("<I", 8)))).startswith("unreadable: ")


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0", b"II*\0", b"MM\0+\0\x08\0\0", b"\x89PNG\r\n\x1a\n\0"]
)
def test_what_is_cut_short_is_left_to_the_decoder(data: bytes) -> None:
    assert reason(data).startswith("unreadable: ")
