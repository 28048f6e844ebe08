"""The lit area is what a dermoscope shows, and no dark lesion is taken for its rim."""

from __future__ import annotations

import numpy as np

from cli.drawn_lesions import draw_lesion
from models.training.fingerprints import COARSE_SIDE, SIDE, fingerprints, joined, lit_area, luminance, small


def disc(inside: float, outside: float, radius: float) -> np.ndarray:
    y, x = np.mgrid[0:SIDE, 0:SIDE] - (SIDE - 1) / 2
    return np.where(np.hypot(x, y) < radius, inside, outside).astype(np.float32)[None]


def test_black_and_white_surroundings_are_not_lit() -> None:
    for outside in (5, 255):
        lit = lit_area(disc(160, outside, 30))[0]
        assert not lit[0, 0]
        assert lit[36, 36]
        assert 0.4 < lit.mean() < np.pi * 30**2 / SIDE**2


def test_a_black_lesion_inside_is_lit() -> None:
    assert lit_area(disc(5, 160, 20)).all()


def test_a_black_lesion_that_touches_the_border_but_no_corner_is_lit() -> None:
    grey = np.full((1, SIDE, SIDE), 160, np.float32)
    grey[:, :30, 20:50] = 5
    assert lit_area(grey).all()


def test_shapes_and_no_trace_of_brightness() -> None:
    rgb = np.stack([small(np.asarray(draw_lesion(seed, width=200, height=150))) for seed in range(3)])
    grey = luminance(rgb)
    made = fingerprints(grey, lit_area(grey))
    assert len(made) == 3
    assert made.detail.shape == made.lit.shape == (3, SIDE, SIDE)
    assert made.coarse.shape == made.weight.shape == (3, COARSE_SIDE, COARSE_SIDE)
    brighter = fingerprints(grey + 20, lit_area(grey))
    assert np.abs(brighter.coarse - made.coarse).max() < 0.01
    both = joined([made.take(np.array([0])), made.take(np.array([1, 2]))])
    assert (both.detail == made.detail).all()
    assert (both.coarse == made.coarse).all()
