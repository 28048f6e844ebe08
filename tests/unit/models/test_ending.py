"""A file that was cut short is refused however little is missing, and says so."""

import io

import pytest
from PIL import Image

from models.decoding import decode
from models.errors import ImageRefused
from models.inspection import inspect


def encoded(pillow_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((96, 80), 60).convert("RGB").save(out, pillow_format, **options)
    return out.getvalue()


KINDS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("BMP", {}),
]


@pytest.mark.parametrize(("pillow_format", "options"), KINDS)
def test_no_byte_may_be_missing_at_the_end(pillow_format: str, options: dict[str, object]) -> None:
    whole = encoded(pillow_format, **options)
    decode(whole, "")
    for missing in (*range(1, 30), 100, len(whole) // 2):
        with pytest.raises(ImageRefused):
            decode(whole[:-missing], "")


@pytest.mark.parametrize(
    ("pillow_format", "options"), [("PNG", {}), ("WEBP", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_intake_says_that_it_ends_too_early(pillow_format: str, options: dict[str, object]) -> None:
    whole = encoded(pillow_format, **options)
    for missing in (len(whole) // 2, len(whole) * 3 // 4):
        with pytest.raises(ImageRefused, match="ends too early, before the end that it announces"):
            inspect(whole[:-missing], "")


@pytest.mark.parametrize(("pillow_format", "options"), KINDS)
def test_what_follows_the_end_says_nothing(pillow_format: str, options: dict[str, object]) -> None:
    decode(encoded(pillow_format, **options) + b"behind the end", "")
