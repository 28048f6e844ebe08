"""The format is told by content, and the name may not contradict it."""

import io

import pytest
from PIL import Image

from models.errors import ImageRefused
from models.formats import HEAD_BYTES, ImageFormat, check_extension, sniff


def encoded(pillow_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (70, 70), "pink").save(out, pillow_format, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("pillow_format", "options", "expected"),
    [
        ("JPEG", {}, ImageFormat.JPEG),
        ("JPEG", {"progressive": True}, ImageFormat.JPEG),
        ("PNG", {}, ImageFormat.PNG),
        ("TIFF", {}, ImageFormat.TIFF),
        ("TIFF", {"big_tiff": True}, ImageFormat.TIFF),
        ("WEBP", {}, ImageFormat.WEBP),
        ("WEBP", {"lossless": True}, ImageFormat.WEBP),
        ("BMP", {}, ImageFormat.BMP),
        ("GIF", {}, None),
        ("PPM", {}, None),
        ("ICO", {}, None),
    ],
)
def test_real_files(pillow_format: str, options: dict[str, object], expected: ImageFormat | None) -> None:
    assert sniff(encoded(pillow_format, **options)[:HEAD_BYTES]) is expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"BM",
        b"BMI of the patient is 23, weight 70 kg, no other",
        b"II*",
        b"II\0*" + bytes(28),
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF",
        b"\x89PNG\n\n\x1a\n",
        b"%PDF-1.7",
        bytes(32),
    ],
)
def test_none_of_the_five(head: bytes) -> None:
    assert sniff(head) is None


def test_both_byte_orders_of_tiff() -> None:
    assert sniff(b"MM\0*" + bytes(28)) is ImageFormat.TIFF
    assert sniff(b"MM\0+" + bytes(28)) is ImageFormat.TIFF


@pytest.mark.parametrize("found", ImageFormat)
def test_every_format_accepts_its_own_extensions_in_any_case_and_refuses_the_others(
    found: ImageFormat,
) -> None:
    for other in ImageFormat:
        for extension in other.extensions:
            for written in (extension, extension.upper(), extension.title()):
                if other is found:
                    check_extension(written, found)
                else:
                    with pytest.raises(ImageRefused, match="wrong extension"):
                        check_extension(written, found)


def test_a_name_without_extension_claims_nothing() -> None:
    check_extension("", ImageFormat.JPEG)


@pytest.mark.parametrize("suffix", [".txt", ".dcm", ".gif", ".jpgx", "."])
def test_unknown_extension_is_a_disagreement(suffix: str) -> None:
    with pytest.raises(ImageRefused, match="wrong extension"):
        check_extension(suffix, ImageFormat.JPEG)


def test_the_reason_says_what_was_expected_and_received() -> None:
    with pytest.raises(ImageRefused) as refused:
        check_extension(".JPG", ImageFormat.PNG)
    assert str(refused.value) == "wrong extension: the content is PNG, expected .png, received .jpg"


def test_the_reason_never_repeats_an_unknown_extension() -> None:
    with pytest.raises(ImageRefused) as refused:
        check_extension(".Jane Doe", ImageFormat.JPEG)
    assert "jane" not in str(refused.value).lower()
