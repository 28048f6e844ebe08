"""Whatever a file holds, it ends as a picture or as a refusal in words; nothing else comes out, and nothing grows."""

import io
import os
import re
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from models.decoding import decode
from models.errors import ImageRefused
from models.inspection import inspect
from models.preprocessing import PREPROCESSINGS
from models.quality import ungradable

ROOT = Path(__file__).resolve().parents[3]
# what only a programmer could read: an exception's class, an address, a line of a traceback
NO_WORDS = re.compile(r"[A-Z]\w*(Error|Exception|Warning)\b|Traceback|0x[0-9a-f]+|<\w+\.|\n|/\w+/|MAX_")


def encodings() -> dict[str, bytes]:
    """One small file of each kind that is accepted, and of the near relations that are refused."""
    noise = np.random.default_rng(7).normal((190, 150, 130), 25, (72, 80, 3)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(noise)
    srgb = ImageCms.createProfile("sRGB")
    icc = ImageCms.ImageCmsProfile(srgb).tobytes()
    lab = ImageCms.buildTransform(srgb, ImageCms.createProfile("LAB"), "RGB", "LAB")
    exif = Image.Exif()
    exif[0x0112], exif[0x011A] = 6, 72.0
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "skin " * 99, zip=True)
    grey16 = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    common = {"icc_profile": icc, "exif": exif}
    made: dict[str, tuple[Image.Image, str, dict[str, object]]] = {
        "jpeg": (picture, "JPEG", {"quality": 85, "comment": b"ward", **common}),
        "jpeg progressive": (picture, "JPEG", {"progressive": True, "subsampling": 0}),
        "jpeg restarts": (picture.convert("L"), "JPEG", {"restart_marker_blocks": 2}),
        "jpeg cmyk": (picture.convert("CMYK"), "JPEG", {}),
        "mpo": (picture, "MPO", {}),
        "png": (picture, "PNG", {"pnginfo": text, **common}),
        "png palette": (picture.convert("P"), "PNG", {"transparency": 3}),
        "png 16": (grey16, "PNG", {}),
        "png alpha": (picture.convert("RGBA"), "PNG", {}),
        "png animated": (picture, "PNG", {}),
        "tiff": (picture, "TIFF", common),
        "tiff big": (picture, "TIFF", {"big_tiff": True}),
        "tiff 16": (grey16, "TIFF", {}),
        "tiff lzw": (picture, "TIFF", {"compression": "tiff_lzw"}),
        "tiff deflate": (picture.convert("P"), "TIFF", {"compression": "tiff_adobe_deflate"}),
        "tiff jpeg": (picture, "TIFF", {"compression": "jpeg"}),
        "tiff fax": (picture.convert("1"), "TIFF", {"compression": "group4"}),
        "tiff lab": (ImageCms.applyTransform(picture, lab), "TIFF", {}),
        "tiff pages": (picture, "TIFF", {}),
        "webp": (picture, "WEBP", common),
        "webp lossless": (picture, "WEBP", {"lossless": True}),
        "webp animated": (picture, "WEBP", {}),
        "bmp": (picture, "BMP", {}),
        "bmp palette": (picture.convert("P"), "BMP", {}),
    }
    files = {}
    for name, (image, pillow_format, options) in made.items():
        out = io.BytesIO()
        if name in ("mpo", "png animated", "tiff pages", "webp animated"):
            options.update(save_all=True, append_images=[picture.rotate(90)])
        image.copy().save(out, pillow_format, **options)  # a picture keeps the settings it was saved with
        files[name] = out.getvalue()
    # arithmetic coding (ISO/IEC 10918-1 annex D) under Huffman data: only its marker is told from other kinds
    files["jpeg arithmetic"] = files["jpeg"].replace(b"\xff\xc0", b"\xff\xc9")
    return files


FILES = encodings()
SOUND = [name for name in FILES if not re.search("cmyk|alpha|animated|pages|lab|palette|arithmetic", name)]


def outcome(data: bytes) -> str:
    """The reason of the refusal, or "" for a picture that went all the way to the network."""
    try:
        inspect(data, "")
        refused = ""
    except ImageRefused as refusal:
        refused = str(refusal)
    try:
        pixels = decode(data, "", 20)
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        ungradable(pixels)
        for prepare in PREPROCESSINGS.values():
            assert prepare(pixels, 16).shape == (16, 16, 3)
        reason = ""
    except ImageRefused as refusal:
        reason = str(refusal)
    assert not refused or reason == refused  # intake and worker say the same
    assert not NO_WORDS.search(reason) and len(reason) < 200, reason
    return reason


@pytest.mark.parametrize("name", SOUND)
def test_the_files_are_sound_to_begin_with(name: str) -> None:
    assert outcome(FILES[name]) == ""


def places(data: bytes) -> list[int]:
    """Where the structures of a file begin: JPEG segments, PNG chunks, RIFF chunks, TIFF directories, BMP headers."""
    if data.startswith(b"\xff\xd8"):
        return [found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]", data)]
    if data.startswith(b"\x89PNG"):
        return [found.start() - 4 for found in re.finditer(rb"IHDR|PLTE|tRNS|iCCP|eXIf|zTXt|acTL|fcTL|IDAT|IEND", data)]
    if data.startswith(b"RIFF"):
        return [found.start() for found in re.finditer(rb"WEBP|VP8.|ICCP|EXIF|ANIM|ANMF", data)]
    if data[:2] in (b"II", b"MM"):
        (start,) = struct.unpack_from("<Q" if data[2] == 43 else "<I", data, 8 if data[2] == 43 else 4)
        return [start, *range(start + 2, min(start + 200, len(data)), 12)]
    return [2, 10, 14, 18, 26, 30, 46, 54]


@pytest.mark.parametrize("name", FILES)
def test_cut_at_every_structure(name: str) -> None:
    data = FILES[name]
    for place in places(data)[:60]:
        for near in (place, place + 1, place + 3, place + 6):
            if near < len(data) - 64:
                cut = outcome(data[:near])
                # the second picture of an MPO is not screened, and of BMP and TIFF the header may come last
                assert cut or name == "mpo"


@pytest.mark.parametrize("name", FILES)
def test_every_field_of_the_header_at_its_extremes(name: str) -> None:
    data = FILES[name]
    around = sorted({near for place in places(data)[:14] for near in range(place, place + 16, 4)})
    for place in [near for near in around if near + 4 <= len(data)]:
        for extreme in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80"):
            outcome(with_checksums(data[:place] + extreme + data[place + 4 :]))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("inserted", [b"\xff" * 300, bytes(300), b"\xff\xd9", b"\xff\xda\0\x0c" * 80], ids=len)
def test_foreign_bytes_between_structures(name: str, inserted: bytes) -> None:
    data = FILES[name]
    for place in places(data)[:12]:
        outcome(data[:place] + inserted + data[place:])


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize(
    "trailing", [b"\0", bytes(100_000), b"\xff\xd8\xff\xe0" * 50, b"PK\x03\x04 and a whole archive"]
)
def test_what_follows_a_sound_picture_does_no_harm(name: str, trailing: bytes) -> None:
    assert outcome(FILES[name] + trailing) == ""


def with_checksums(data: bytes) -> bytes:
    """The file with the CRCs of its PNG chunks put right, so that what was changed reaches the decoder."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    mended, place = bytearray(data), 8
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4], "big")
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return bytes(mended)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A real file after up to four accidents: flipped, overwritten, cut out, doubled, spliced with another."""
    data = bytearray(FILES[draw(st.sampled_from(sorted(FILES)))])
    for _ in range(draw(st.integers(1, 4))):
        share = draw(st.floats(0, 1, exclude_max=True))
        place = int(share**3 * len(data))  # most in the header, where they do the most harm
        match draw(st.integers(0, 5)):
            case 0:
                data[place] ^= draw(st.integers(1, 255))
            case 1:
                data[place : place + 4] = draw(st.binary(min_size=1, max_size=8))
            case 2:
                del data[place : place + draw(st.integers(1, 200))]
            case 3:
                data[place:place] = data[place : place + draw(st.integers(1, 200))]
            case 4:
                other = FILES[draw(st.sampled_from(sorted(FILES)))]
                data[place:] = other[draw(st.integers(0, len(other) - 1)) :]
            case _:
                del data[max(place, 1) :]
        if not data:
            break
    return with_checksums(bytes(data)) if draw(st.booleans()) else bytes(data)


@settings(max_examples=600, deadline=None, database=None)
@given(mutants())
def test_any_accident(data: bytes) -> None:
    outcome(data)


@settings(max_examples=150, deadline=None, database=None)
@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0+", b"RIFF\xff\0\0\0WEBP", b"BM", b""]),
       st.binary(max_size=300))  # fmt: skip
def test_a_right_beginning_and_then_anything(magic: bytes, rest: bytes) -> None:
    assert outcome(magic + rest)


def test_a_broken_profile_or_exif_block_of_any_kind_does_not_spoil_a_picture() -> None:
    picture = Image.fromarray(decode(FILES["png"], ""))
    for block in (b"", b"\0", b"\xff" * 70_000, bytes(70_000), FILES["webp"]):
        for pillow_format in ("PNG", "JPEG", "WEBP"):
            out = io.BytesIO()
            picture.save(out, pillow_format, icc_profile=block, exif=b"Exif\0\0" + block[:60_000])
            assert outcome(out.getvalue()) == "", (pillow_format, len(block))


BOMBS = """
import io, resource, struct, sys, zlib
from PIL import Image
from models.decoding import decode
from models.errors import ImageRefused

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

def png(width, height, *extra, data=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + b"".join(chunk(*item) for item in extra) + end

def tiff(*entries, pad):
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + bytes(pad)

packed = zlib.compress(bytes(200 << 20), 9)
plain = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 300), (279, 4, 1, 4096)]
out = io.BytesIO()
Image.new("RGB", (70, 70)).save(out, "JPEG")
jpeg = out.getvalue()
bombs = [
    png(60_000, 60_000), png(65_535, 64, data=packed),
    png(64, 64, *[(b"zTXt", b"note\\0\\0" + packed)] * 40),
    png(64, 64, *[(b"iTXt", b"note\\0\\1\\0\\0\\0" + packed)] * 40),
    png(64, 64, (b"iCCP", b"profile\\0\\0" + packed)), png(64, 64, data=packed),
    png(64, 64, *[(b"prVt", b"")] * 200_000),
    tiff(*plain, (282, 5, 7_000_000, 200), pad=57 << 20),
    tiff(*plain[:4], (273, 4, 7_000_000, 200), pad=57 << 20),
    tiff(*plain[:4], (322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 300), (259, 3, 1, 8), pad=5_000),
    tiff(*plain, *[(60_000 + n, 1, 50 << 20, 100) for n in range(900)], pad=57 << 20),
    jpeg[:2] + b"\\xff\\xfe\\0\\2" * (15 << 20) + jpeg[2:],
    jpeg[:2] + (b"\\xff\\xe1\\xff\\xff" + b"Exif\\0\\0" + bytes(65_527)) * 900 + jpeg[2:],
    jpeg.replace(b"\\0\\x46\\0\\x46", b"\\xff\\xff\\xff\\xff"),
    b"RIFF\\xff\\xff\\xff\\xffWEBPVP8X\\x0a\\0\\0\\0\\0\\0\\0\\0" + b"\\xff" * 6 + bytes(999),
]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number, data in enumerate(bombs):
    try:
        pixels = decode(data, "")
        print(number, "decoded", pixels.shape)
    except ImageRefused as refusal:
        print(number, refusal)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_bombs_are_bounded_in_memory() -> None:
    """In a process of its own, because the peak of memory is that of a process."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", BOMBS], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )  # fmt: skip
    *outcomes, grown = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(outcomes) == 15, done.stdout
    # what does not touch the pixels (data behind the last row, tags that claim too much) is not even noticed
    assert {line.partition(" ")[2] for line in outcomes if "decoded" in line} == {"decoded (64, 64, 3)"}
    assert "Traceback" not in done.stderr
    assert int(grown) < 400, done.stdout  # MB; the largest of the files has 57
