"""A dark ring: dark outside, untouched inside, like the ones that cameras leave."""

import numpy as np
import pytest

from models.field import lit_field
from models.ring import LEVEL, dark_ring

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(224, 224, 3), (120, 160, 3)])
@pytest.mark.parametrize("radius", [0.7, 0.9])
def test_dark_beyond_the_radius_and_untouched_within(shape: tuple[int, ...], radius: float) -> None:
    rgb = RNG.integers(60, 200, shape).astype(np.uint8)
    ringed = dark_ring(rgb, radius)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2)
    edge = radius * min(shape[:2]) / 2
    assert (ringed[away > edge + 2] == LEVEL).all()
    assert np.array_equal(ringed[away < edge - 2], rgb[away < edge - 2])


def test_the_lit_field_is_found_in_it() -> None:
    rgb = RNG.integers(120, 200, (224, 224, 3)).astype(np.uint8)
    top, left, bottom, right = lit_field(dark_ring(rgb, 0.8))
    assert 0.7 * 224 < bottom - top < 0.82 * 224
    assert 0.7 * 224 < right - left < 0.82 * 224
