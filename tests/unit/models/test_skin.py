"""Skin with something on it is told from walls, text and pictures without colour."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cli.drawn_lesions import draw_lesion
from models.quality import ungradable
from models.skin import nothing_to_judge

Picture = NDArray[np.uint8]


def even(colour: tuple[int, int, int], grain: float = 6.0) -> Picture:
    noise = np.random.default_rng(1).normal(0, grain, (240, 320, 1))
    return np.clip(np.array(colour, float) + noise, 0, 255).astype(np.uint8)


def page() -> Picture:
    picture = Image.new("RGB", (400, 300), (236, 238, 240))
    for line in range(12):
        ImageDraw.Draw(picture).text(
            (8, 8 + 24 * line), "Seen in clinic today. " * 4, (20, 20, 25), ImageFont.load_default(18)
        )
    return np.asarray(picture)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("malignant", [False, True])
def test_lesions_are_judged(seed: int, malignant: bool) -> None:
    assert nothing_to_judge(np.asarray(draw_lesion(seed, width=320, height=240, malignant=malignant))) is None


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (even((225, 180, 160)), "no lesion: the skin is even"),
        (even((120, 140, 190)), "too little skin: 0%"),
        (even((150, 150, 150)), "no colour: the channels differ by 0.0 of 255"),
        (page(), "no colour"),
    ],
    ids=["skin", "blue wall", "grey wall", "page"],
)
def test_the_rest_is_named(picture: Picture, reason: str) -> None:
    assert str(nothing_to_judge(picture)).startswith(reason)
    assert ungradable(picture) is not None


def test_a_spot_of_the_skins_own_hue_is_no_lesion() -> None:
    """A shadow: darker, and by the same amount in all channels."""
    picture = even((225, 180, 160))
    y, x = np.mgrid[-1:1:240j, -1:1:320j]
    shade = 60 * np.exp(-4 * (y**2 + x**2))
    assert "one hue everywhere" in str(nothing_to_judge((picture - shade[..., None]).astype(np.uint8)))
    tinted = picture - shade[..., None] * np.array([0.6, 0.9, 1.0])
    assert nothing_to_judge(tinted.astype(np.uint8)) is None


def test_a_dermoscopes_dark_surround_is_left_out() -> None:
    """A lesion through a small round field is skin: the black around it counts for nothing."""
    picture = np.asarray(draw_lesion(3, width=320, height=320)).copy()
    y, x = np.mgrid[-1:1:320j, -1:1:320j]
    picture[np.hypot(y, x) > 0.6] = 4
    assert nothing_to_judge(picture) is None
