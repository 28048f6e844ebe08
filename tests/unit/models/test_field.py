"""A ring around a photograph leaves no trace: the field is found, and the disc in it shows skin alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.field import FRAME_SHARE, RIM_SHARE, lit_field
from models.preprocessing import GREY, field_1, outside_disc

Picture = NDArray[np.uint8]


def skin(width: int = 224, height: int = 224, spot: float = 0.5) -> Picture:
    """Skin with a brown lesion in the middle; `spot` is its radius as a fraction of half the shorter side."""
    y, x = np.mgrid[:height, :width].astype(float)
    away = np.hypot(y - height / 2, x - width / 2) / (min(height, width) / 2)
    lesion = 1 / (1 + np.exp(40 * (away - spot)))
    grain = np.random.default_rng(1).normal(0, 3, (height, width))
    shades = np.array([215.0, 165.0, 145.0]) - lesion[..., None] * np.array([120.0, 105.0, 95.0]) + grain[..., None]
    return np.clip(shades, 0, 255).astype(np.uint8)


def ringed(
    rgb: Picture, radius: float, row: float = 0.0, column: float = 0.0, soft: float = 2.0, dark: int = 8
) -> Picture:
    """The picture through a dermoscope: dark beyond a circle; lengths in pixels, the middle as a shift."""
    height, width = rgb.shape[:2]
    y, x = np.mgrid[:height, :width].astype(float)
    away = np.hypot(y + 0.5 - height / 2 - row, x + 0.5 - width / 2 - column)
    light = np.clip((radius - away) / soft + 0.5, 0, 1)[..., None]
    return np.asarray(np.rint(rgb * light + dark * (1 - light)), dtype=np.uint8)


def disc(rgb: Picture) -> tuple[float, float, float]:
    top, left, bottom, right = lit_field(rgb)
    assert bottom - top == right - left >= 1
    assert top >= 0 and left >= 0 and bottom <= rgb.shape[0] and right <= rgb.shape[1]
    return (top + bottom) / 2, (left + right) / 2, (bottom - top) / 2


@pytest.mark.parametrize(("width", "height"), [(224, 224), (600, 450), (450, 600), (64, 48)])
@pytest.mark.parametrize("spot", [0.2, 0.5, 0.9, 1.6])
def test_without_a_surround_it_is_the_middle_of_the_frame(width: int, height: int, spot: float) -> None:
    row, column, radius = disc(skin(width, height, spot))
    assert (row, column) == pytest.approx((height / 2, width / 2), abs=1)
    assert radius == pytest.approx(FRAME_SHARE * min(width, height) / 2, abs=1)


@pytest.mark.parametrize("soft", [0.5, 8.0])
@pytest.mark.parametrize("dark", [0, 25])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (8, -10)])
@pytest.mark.parametrize("radius", [60.0, 75.0, 90.0, 100.0])
def test_a_full_circle_is_found(radius: float, row: float, column: float, soft: float, dark: int) -> None:
    found = disc(ringed(skin(), radius, row, column, soft, dark))
    assert found[:2] == pytest.approx((112 + row, 112 + column), abs=3)
    assert min(0.9 * radius, 0.85 * (112 - max(abs(row), abs(column)))) <= found[2] <= radius - 1
    # the whole disc is lit, to a pixel
    assert found[2] + np.hypot(found[0] - 112 - row, found[1] - 112 - column) <= radius + 1


@pytest.mark.parametrize("radius", [116.0, 125.0, 140.0, 150.0])
def test_dark_corners_change_next_to_nothing(radius: float) -> None:
    """The frame cuts the circle at four sides: the disc in the frame lies in it already."""
    plain, cut = disc(skin()), disc(ringed(skin(), radius))
    assert cut == pytest.approx(plain, abs=3)


@pytest.mark.parametrize("radius", [230.0, 250.0, 280.0])
def test_a_circle_cut_at_two_sides(radius: float) -> None:
    row, column, found = disc(ringed(skin(600, 450), radius))
    assert (row, column) == pytest.approx((225, 300), abs=6)
    assert 0.84 * 225 <= found <= 225


@pytest.mark.parametrize("radius", [85.0, 100.0, 112.0, 130.0])
def test_a_drawn_ring_leaves_no_dark_pixel(radius: float) -> None:
    rgb = skin()
    seen = field_1(ringed(rgb, radius), 160)
    inside = ~outside_disc(160)
    assert seen[inside].max(axis=1).min() > 60
    assert (seen[~inside] == GREY).all()
    if radius >= 112:  # the frame decides, so the same picture
        assert np.abs(seen.astype(int) - field_1(rgb, 160))[inside].mean() < 6


def test_a_dark_lesion_at_the_rim_does_not_move_the_circle() -> None:
    rgb = skin(spot=0.0)
    picture = Image.fromarray(rgb)
    ImageDraw.Draw(picture).ellipse((120, 60, 230, 150), fill=(30, 24, 22))
    row, column, radius = disc(ringed(np.asarray(picture), 95.0))
    assert (row, column) == pytest.approx((112, 112), abs=8)  # pulled a little away from the lesion
    assert 80 <= radius <= 96


def test_a_dark_lesion_at_the_edge_of_a_plain_photograph_is_no_surround() -> None:
    picture = Image.fromarray(skin(spot=0.0))
    ImageDraw.Draw(picture).ellipse((-60, 40, 90, 180), fill=(30, 24, 22))
    assert disc(np.asarray(picture)) == pytest.approx(disc(skin()), abs=1)


def test_a_lesion_that_fills_the_photograph_is_no_surround() -> None:
    rgb = np.clip(np.random.default_rng(2).normal(38, 12, (224, 224, 3)), 0, 255).astype(np.uint8)
    assert disc(rgb)[2] == pytest.approx(FRAME_SHARE * 112, abs=1)


@pytest.mark.parametrize("ring", [None, 95.0])
def test_hairs_change_little(ring: float | None) -> None:
    picture = Image.fromarray(skin())
    draw, random = ImageDraw.Draw(picture), np.random.default_rng(3)
    for _ in range(30):
        draw.line([tuple(random.uniform(0, 224, 2)), tuple(random.uniform(0, 224, 2))], fill=(20, 15, 12), width=2)
    rgb = np.asarray(picture)
    expected = FRAME_SHARE * 112 if ring is None else RIM_SHARE * ring
    assert disc(rgb if ring is None else ringed(rgb, ring))[2] == pytest.approx(expected, rel=0.06)


def test_a_vignette_is_no_surround() -> None:
    y, x = np.mgrid[-1:1:224j, -1:1:224j]
    shaded = (skin() * (1 - 0.35 * np.hypot(y, x) ** 2)[..., None]).astype(np.uint8)
    assert disc(shaded) == pytest.approx(disc(skin()), abs=1)


def test_dark_bands_are_left_out() -> None:
    rgb = skin(300, 224)
    rgb[:, :80] = 6
    row, column, radius = disc(rgb)
    assert column - radius >= 79
    assert (row, column) == pytest.approx((112, 190), abs=4)
    assert radius >= 0.84 * 110


@pytest.mark.parametrize("level", [0, 20, 127, 255])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 224), (224, 224)])
def test_pictures_of_nothing_have_a_field_too(shape: tuple[int, int], level: int) -> None:
    disc(np.full((*shape, 3), level, np.uint8))


def test_any_noise_has_a_field() -> None:
    random = np.random.default_rng(5)
    for _ in range(200):
        height, width = random.integers(1, 260, 2)
        rgb = random.integers(0, 256, (height, width, 3)) * (random.random((height, width, 1)) < random.random())
        disc(rgb.astype(np.uint8))
