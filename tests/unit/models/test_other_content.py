"""What people hand in by mistake is named, so that they know what to do with it."""

import io

import pytest
from PIL import Image

from models.errors import ImageRefused
from models.inspection import inspect
from models.other_content import name_content

SIGNATURES = {
    "DICOM": bytes(128) + b"DICM",
    "DICOM without its preamble": b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x16\0",
    "HEIC or AVIF": b"\0\0\0\x20ftypavif\0\0\0\0",
    "JPEG 2000": b"\xff\x4f\xff\x51\0\x29",
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n",
    "Photoshop (PSD)": b"8BPS\0\x01\0\0",
    "GIMP (XCF)": b"gimp xcf v011\0",
    "a camera's raw file": b"IIU\0\x18\0\0\0",
    "OpenEXR": b"v/1\x01\x02\0\0\0",
    "QOI": b"qoif\0\0\0\x40",
    "farbfeld": b"farbfeld\0\0\0\x40",
    "Sun raster": b"\x59\xa6\x6a\x95\0\0\0\x40",
    "a Windows metafile": b"\xd7\xcd\xc6\x9a\0\0",
    "PostScript": b"%!PS-Adobe-3.0\n",
    "FITS": b"SIMPLE  =                    T",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "PDF": b"%PDF-1.7\n",
    "a video": b"\0\0\0\x18ftypmp42",
    "a ZIP archive": b"PK\x03\x04\x14\0",
    "an archive": b"\x1f\x8b\x08\0",
    "an Office document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "scientific data": b"\x89HDF\r\n\x1a\n",
    "a database": b"SQLite format 3\0",
    "a program": b"\x7fELF\x02\x01\x01\0",
    "zero bytes alone": bytes(4_000),
    "text": "Überweisung: bitte beurteilen\r\n".encode("utf-16"),
    "a RIFF file that is no WebP (sound or video)": b"RIFF\x24\0\0\0WAVEfmt ",
    "a damaged or unknown kind of BMP": b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x11\0\0\0",
    "a JPEG whose first bytes are damaged": b"\xff\xd9\xff\xe0\0\x10JFIF\0",
    "a JPEG that ends or breaks off after its first two bytes": b"\xff\xd8",
    "a TIFF whose first bytes are damaged": b"II*\x01\x08\0\0\0",
    "something else": bytes(range(64)),
}


@pytest.mark.parametrize(("expected", "data"), SIGNATURES.items(), ids=list(SIGNATURES))
def test_signatures(expected: str, data: bytes) -> None:
    assert name_content(data) == expected
    with pytest.raises(ImageRefused, match=r"^not an image: expected JPEG, PNG, TIFF, WebP or BMP, received "):
        inspect(data, "")


@pytest.mark.parametrize(
    ("pillow_format", "mode", "expected"),
    [
        ("GIF", "P", "GIF"),
        ("ICO", "RGB", "an icon (ICO or CUR)"),
        ("ICNS", "RGB", "an icon (ICNS)"),
        ("JPEG2000", "RGB", "JPEG 2000"),
        ("PPM", "RGB", "PNM"),
        ("PCX", "RGB", "PCX"),
        ("DDS", "RGB", "DDS"),
        ("SGI", "RGB", "SGI"),
        ("XBM", "1", "XBM or XPM"),
        ("PDF", "RGB", "PDF"),
        ("EPS", "RGB", "PostScript"),
        ("TGA", "RGB", "TGA"),
        ("AVIF", "RGB", "HEIC or AVIF"),
    ],
)
def test_formats_that_pillow_writes(pillow_format: str, mode: str, expected: str) -> None:
    out = io.BytesIO()
    try:
        Image.new("RGB", (64, 64), (200, 150, 140)).convert(mode).save(out, pillow_format)
    except (KeyError, OSError) as missing:
        pytest.skip(f"this Pillow cannot write it: {missing}")
    assert name_content(out.getvalue()) == expected


@pytest.mark.parametrize("place", [1, 2, 3, 4, 7])
def test_a_png_mangled_on_its_way(place: int) -> None:
    out = io.BytesIO()
    Image.new("L", (64, 64)).save(out, "PNG")
    data = out.getvalue()
    broken = data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :]
    assert name_content(broken) == "a PNG whose first bytes are damaged"
    assert name_content(data.replace(b"\r\n", b"\n")) == "a PNG whose first bytes are damaged"
    assert name_content(data.replace(b"\n", b"\r\n")) == "a PNG whose first bytes are damaged"
