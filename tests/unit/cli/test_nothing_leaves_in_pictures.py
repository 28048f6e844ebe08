"""EXIF, place and names stay behind: no picture that leaves carries more than pixels."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cli.data_check_html import _thumbnail
from cli.html_report import jpeg_uri
from cli.overlay import side_by_side, small_jpeg
from models.decoding import decode

WHO = "Musterfrau"
SECRETS = (b"Musterfrau", b"Musterkamera", b"GPS", b"Exif", b"xmp", b"http", b"Photoshop", b"ICC", b"desc")


@pytest.fixture(params=["jpg", "png", "tiff", "webp"])
def personal(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A picture with the patient's name and place in every block that its format has."""
    exif = Image.Exif()
    exif[0x010E] = f"PatientName {WHO}"
    exif[0x010F] = "Musterkamera"
    exif.get_ifd(0x8769)[0x9286] = f"ASCII\0\0\0{WHO}".encode()  # UserComment
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})  # place
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><PatientName>{WHO}</PatientName></x:xmpmeta>'.encode()
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (160, 200, 3), np.uint8))
    path = tmp_path / f"picture.{request.param}"
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    text.add_text("Comment", WHO)
    options = {
        "jpg": {"xmp": xmp, "comment": WHO.encode(), "icc_profile": WHO.encode() * 20},
        "png": {"pnginfo": text},
        "tiff": {},
        "webp": {"xmp": xmp},
    }[request.param]
    picture.save(path, exif=exif, **options)
    assert path.read_bytes().count(WHO.encode()) >= 1
    return path


def of_uri(uri: str) -> bytes:
    return base64.b64decode(uri.partition("base64,")[2])


def test_what_leaves(personal: Path) -> None:
    data = personal.read_bytes()
    pixels = decode(data, personal.suffix)
    heat = np.zeros((160, 200), np.float32)
    leaving = {
        "thumbnail of a report": of_uri(jpeg_uri(data, personal.suffix)),
        "thumbnail of a data check": of_uri(_thumbnail(personal)),
        "overlay of a report": small_jpeg(pixels, heat, 64),
        "overlay of explain": side_by_side(pixels, pixels, heat),
    }
    for name, written in leaving.items():
        assert [secret for secret in SECRETS if secret.lower() in written.lower()] == [], name
        with Image.open(io.BytesIO(written)) as opened:
            assert not opened.getexif(), name
            assert set(opened.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}, name
