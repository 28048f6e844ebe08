"""Pictures that show nothing are named; pictures that show a lesion are not."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from models.decoding import decode
from models.quality import MIN_SHARPNESS, _sharpness, _small_grey, for_review, ungradable


def lesion(width: int = 224, height: int = 224) -> NDArray[np.uint8]:
    """Skin with a dark spot and the fine grain that a focused photograph has."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    spot = 1 / (1 + np.exp(40 * (np.hypot(x, y) - 0.5)))
    # Shrinking to 224 pixels averages the grain, so larger pictures get as much more of it.
    grain = np.random.default_rng(1).normal(0, 2.5 * max(1, width / 224, height / 224), (height, width))
    skin = np.array([215.0, 165.0, 145.0]) - spot[..., None] * np.array([110.0, 100.0, 90.0]) + grain[..., None]
    return np.clip(skin, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(224, 224), (600, 450), (450, 600), (64, 64), (64, 1000)])
def test_a_lesion_is_gradable(size: tuple[int, int]) -> None:
    assert ungradable(lesion(*size)) is None


def test_a_lesion_through_a_round_dermoscope_is_gradable() -> None:
    y, x = np.mgrid[-1:1:224j, -1:1:224j]
    rgb = lesion()
    rgb[np.hypot(x, y) > 0.7] = 0
    assert (rgb == 0).mean() > 0.5
    assert ungradable(rgb) is None


@pytest.mark.parametrize("level", [0, 20])
def test_almost_all_black(level: int) -> None:
    rgb = np.full((224, 224, 3), level, np.uint8)
    rgb[:40, :100] = lesion(100, 40)
    assert ungradable(rgb) == "almost all black: 92% of the picture"


def test_almost_all_white() -> None:
    rgb = np.full((224, 224, 3), 250, np.uint8)
    rgb[:40, :100] = lesion(100, 40)
    assert ungradable(rgb) == "almost all white: 92% of the picture"


@pytest.mark.parametrize("seed", [None, 1])
def test_no_content(seed: int | None) -> None:
    rgb = np.full((224, 224, 3), 150.0)
    if seed is not None:
        rgb += np.random.default_rng(seed).normal(0, 3, rgb.shape)
    assert str(ungradable(rgb.astype(np.uint8))).startswith("no content: nearly uniform, contrast ")


@pytest.mark.parametrize("size", [(224, 224), (900, 600)])
def test_blurred(size: tuple[int, int]) -> None:
    sharp = Image.fromarray(lesion(*size))
    blurred = sharp.filter(ImageFilter.GaussianBlur(size[0] / 224 * 3))
    assert str(ungradable(np.asarray(blurred))).startswith("blurred: sharpness ")
    assert ungradable(np.asarray(sharp)) is None


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    assert _sharpness(np.full((9, 9), 7, np.uint8)) == 0
    y, x = np.mgrid[0:9, 0:9]
    assert _sharpness((10 * x + 3 * y).astype(np.uint8)) == 0  # a plane has no second derivative
    chequered = ((x + y) % 2 * 10).astype(np.uint8)
    laplacian = np.where((x + y)[1:-1, 1:-1] % 2, -40.0, 40.0)
    assert _sharpness(chequered) == pytest.approx(laplacian.var())
    assert _sharpness(chequered) > MIN_SHARPNESS


def test_measured_on_224_pixels_or_less() -> None:
    assert _small_grey(np.zeros((3000, 2000, 3), np.uint8)).shape == (224, 149)
    assert _small_grey(np.zeros((64, 80, 3), np.uint8)).shape == (64, 80)


def test_the_picture_is_left_as_it_is() -> None:
    rgb = lesion()
    before = rgb.copy()
    ungradable(rgb)
    np.testing.assert_array_equal(rgb, before)


@pytest.mark.parametrize("turns", range(4))
def test_a_part_that_was_lost(turns: int) -> None:
    rgb = lesion()
    rgb[180:] = 128
    assert str(ungradable(np.rot90(rgb, turns))).startswith(
        "a part is missing: 20% of the picture are one even surface"
    )


def test_a_jpeg_that_was_cut_and_closed_again() -> None:
    out = io.BytesIO()
    Image.fromarray(lesion(400, 300)).save(out, "JPEG", quality=90)
    whole = out.getvalue()
    assert ungradable(decode(whole, "")) is None
    cut = whole[: len(whole) * 2 // 3] + b"\xff\xd9"
    assert str(ungradable(decode(cut, "", 64))).startswith("a part is missing: ")


@pytest.mark.parametrize("level", [0, 255])
def test_a_dark_or_light_border_is_no_missing_part(level: int) -> None:
    rgb = lesion()
    rgb[200:] = level
    assert ungradable(rgb) is None


@pytest.mark.parametrize(
    ("reason", "where_flagged", "where_not"),
    [
        (None, False, False),
        ("", False, False),
        ("blurred: sharpness 5.00, expected at least 6.00", False, True),
        ("a part is missing: 20% of the picture are one even surface", False, True),
        ("no content: nearly uniform", True, True),
        ("unlike the pictures that the network learned from: distance 9.00", True, True),
    ],
)
def test_who_looks_at_a_picture(reason: str | None, where_flagged: bool, where_not: bool) -> None:
    assert (for_review(reason, flagged=True), for_review(reason, flagged=False)) == (where_flagged, where_not)
