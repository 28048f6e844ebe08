"""What the network sees keeps its shape, and is the same in training and in screening."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cli.drawn_lesions import draw_lesion
from models.decoding import decode
from models.errors import ImageRefused, ModelInvalid
from models.field import lit_field
from models.preprocessing import (
    GREY,
    field_1,
    field_2,
    in_its_own_light,
    outside_disc,
    prepare,
    preprocessing,
    square_1,
)
from models.quality import ungradable


def jpeg(side: int) -> bytes:
    file = io.BytesIO()
    draw_lesion(1, width=side, height=side).save(file, "JPEG", quality=92)
    return file.getvalue()


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (640, 200), (200, 200)])
def test_a_circle_stays_a_circle(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "white")
    x, y = size[0] // 2, size[1] // 2
    ImageDraw.Draw(picture).ellipse((x - 60, y - 60, x + 60, y + 60), fill="black")
    dark = square_1(np.asarray(picture), 100)[..., 0] < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    # 121 of 200 pixels, seen at 100
    assert abs(len(rows) - 60) <= 1
    assert abs(len(columns) - 60) <= 1
    assert abs(rows.mean() - 49.5) <= 1
    assert abs(columns.mean() - 49.5) <= 1


@pytest.mark.parametrize("shape", [(64, 64, 3), (65, 300, 3), (300, 65, 3), (500, 400, 3)])
@pytest.mark.parametrize("size", [16, 128])
def test_the_size_is_the_networks(shape: tuple[int, int, int], size: int) -> None:
    seen = square_1(np.zeros(shape, np.uint8), size)
    assert seen.shape == (size, size, 3)
    assert seen.dtype == np.uint8


def test_the_middle_of_a_wide_picture_is_seen() -> None:
    rgb = np.zeros((100, 300, 3), np.uint8)
    rgb[:, 100:200] = (250, 100, 50)
    assert (square_1(rgb, 20) == (250, 100, 50)).all()


def test_shrinking_does_not_alias() -> None:
    """Every second column white is grey from afar; leaving pixels out would give stripes."""
    rgb = np.zeros((256, 256, 3), np.uint8)
    rgb[:, ::2] = 255
    seen = square_1(rgb, 32)[4:-4, 4:-4]
    assert seen.min() >= 120
    assert seen.max() <= 135


def test_an_unknown_version_is_refused() -> None:
    assert preprocessing("square-1") is square_1
    with pytest.raises(
        ModelInvalid, match=r"preprocessing 'fov-9' is not known to this release \(known: field-1, field-2, square-1\)"
    ):
        preprocessing("fov-9")


def test_a_jpeg_of_224_pixels_is_decoded_at_full_size() -> None:
    """The training pictures have 224 pixels: at 128, decoding for the network must change nothing."""
    data = jpeg(224)
    assert np.array_equal(decode(data, ".jpg"), decode(data, ".jpg", at_least=128))
    assert np.array_equal(prepare(data, ".jpg", "square-1", 128), square_1(decode(data, ".jpg"), 128))


def test_a_large_jpeg_is_shrunk_while_it_is_decoded_and_looks_the_same() -> None:
    data = jpeg(1200)
    assert decode(data, ".jpg", at_least=128).shape == (300, 300, 3)
    whole, seen = square_1(decode(data, ".jpg"), 128), prepare(data, ".jpg", "square-1", 128)
    assert np.abs(whole.astype(int) - seen).mean() < 1.5


def test_bytes_that_cannot_be_screened_are_refused() -> None:
    with pytest.raises(ImageRefused):
        prepare(jpeg(224)[:3000], ".jpg", "square-1", 128)
    with pytest.raises(ImageRefused):
        prepare(jpeg(224), ".png", "square-1", 128)


@pytest.mark.parametrize("ringed", [False, True])
def test_a_field_that_is_known_gives_the_same_bits(ringed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.asarray(draw_lesion(3, width=200, height=150, field=ringed))
    picture, reason = field_1(rgb, 96), ungradable(rgb)
    field = lit_field(rgb)

    def looked_for_again(rgb: object) -> None:
        raise AssertionError("the field was known")

    monkeypatch.setattr("models.preprocessing.lit_field", looked_for_again)
    assert np.array_equal(field_1(rgb, 96, field), picture)
    assert np.array_equal(square_1(rgb, 96, field), square_1(rgb, 96))
    assert ungradable(rgb, field) == reason
    with pytest.raises(AssertionError):
        ungradable(rgb)


def test_half_of_a_tint_is_taken_away_inside_the_disc_alone() -> None:
    rgb = np.asarray(draw_lesion(5, width=160, height=120)) * 0.8
    plain, pink = (np.rint(rgb * gains).astype(np.uint8) for gains in (np.ones(3), np.array([1.15, 0.88, 1.0])))
    apart = [np.abs(version(plain, 64).astype(int) - version(pink, 64)).mean() for version in (field_1, field_2)]
    assert apart[1] == pytest.approx(apart[0] / 2, rel=0.2)
    assert (field_2(pink, 64)[outside_disc(64)] == GREY).all()


def test_people_are_shown_the_light_of_the_photograph() -> None:
    assert [in_its_own_light(version) for version in ("field-1", "field-2", "square-1")] == [field_1, field_1, square_1]
