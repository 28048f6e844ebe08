"""Copies are grouped with their original whatever was done to them; different lesions are not, whatever they share."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from cli.drawn_lesions import draw_lesion
from models.training import duplicates
from models.training.duplicates import TURNS, Groups, duplicate_groups, turned
from models.training.fingerprints import Fingerprints, fingerprints, lit_area, luminance, small

ORIGINALS = 6


def drawn(seed: int, side: int = 224, malignant: bool = False) -> Image.Image:
    return draw_lesion(seed, width=side, height=side, malignant=malignant)


def encoded(image: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return Image.open(io.BytesIO(out.getvalue()))


def ringed(image: Image.Image, radius: float = 0.46) -> Image.Image:
    """Black all around a circle of ``radius`` times the side."""
    mask = Image.new("L", image.size)
    middle, reach = image.width / 2, image.width * radius
    ImageDraw.Draw(mask).ellipse((middle - reach, middle - reach, middle + reach, middle + reach), fill=255)
    return Image.composite(image, Image.new("RGB", image.size), mask)


def prints_of(images: list[Image.Image]) -> Fingerprints:
    rgb = np.stack([small(np.asarray(image.convert("RGB"))) for image in images])
    grey = luminance(rgb)
    return fingerprints(grey, lit_area(grey))


def groups_of(images: list[Image.Image], checksums: list[str] | None = None) -> list[list[int]]:
    return duplicate_groups(prints_of(images), checksums or [str(n) for n in range(len(images))], ignore)


def ignore(done: int, total: int) -> None:
    """A progress that nobody looks at."""


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "same pixels": lambda image: image,
    "other JPEG quality": lambda image: encoded(image, 40),
    "half the size": lambda image: image.resize((112, 112), Image.Resampling.LANCZOS),
    "squeezed": lambda image: image.resize((300, 224), Image.Resampling.BICUBIC),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 270 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "transposed": lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.08),
    "other tint": lambda image: Image.merge("RGB", [image.getchannel(0), image.getchannel(2), image.getchannel(1)]),
    "cropped by a trifle": lambda image: image.crop((4, 2, 224, 222)),
    "in a black ring": ringed,
    "in a small black ring, turned, re-encoded": lambda image: encoded(
        ringed(image, 0.38).transpose(Image.Transpose.ROTATE_90), 60
    ),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_grouped_with_its_original_alone(change: Callable[[Image.Image], Image.Image]) -> None:
    originals = [drawn(seed, malignant=seed % 2 == 1) for seed in range(ORIGINALS)]
    copies = [change(original) for original in originals]
    assert groups_of([*originals, *copies]) == [[n, n + ORIGINALS] for n in range(ORIGINALS)]


@pytest.mark.parametrize("radius", [0.34, 0.42, 0.5])
def test_different_lesions_in_the_same_black_ring_are_not_grouped(radius: float) -> None:
    pictures = [ringed(drawn(seed, malignant=seed % 2 == 1), radius) for seed in range(16)]
    assert groups_of(pictures) == []
    plain = np.stack([np.asarray(picture.convert("L"), np.float64).ravel() for picture in pictures])
    assert np.corrcoef(plain).max(initial=0, where=~np.eye(16, dtype=bool)) > 0.8  # the plain image would be fooled


def test_copies_in_two_black_rings_of_different_size_are_grouped() -> None:
    pictures = [ringed(drawn(3), 0.47), ringed(drawn(3), 0.36), ringed(drawn(4), 0.36)]
    assert groups_of(pictures) == [[0, 1]]


def test_small_spots_on_smooth_skin_are_not_grouped() -> None:
    pictures = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        spot = Image.fromarray(rng.normal((210, 170, 150), 2, (224, 224, 3)).clip(0, 255).astype(np.uint8))
        x, y = rng.integers(100, 120, 2)
        ImageDraw.Draw(spot).ellipse((x - 10, y - 12, x + 10, y + 12), fill=(90, 55, 40))
        pictures.append(spot)
    assert groups_of(pictures) == []


def test_pictures_without_content_say_nothing() -> None:
    grey = [Image.new("RGB", (100, 100), (level, level, level)) for level in (0, 0, 90, 90, 255, 255)]
    assert groups_of(grey) == []


def test_equal_bytes_are_a_group_even_without_content() -> None:
    grey = [Image.new("RGB", (100, 100), (level, 80, 80)) for level in (90, 120, 90)]
    assert groups_of(grey, ["a", "b", "a"]) == [[0, 2]]


def test_a_copy_of_a_copy_is_in_the_group() -> None:
    original = drawn(1)
    copy = encoded(original, 60)
    assert groups_of([drawn(2), original, copy, encoded(copy.resize((150, 150)), 60)]) == [[1, 2, 3]]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [encoded(drawn(seed % 5), 95 - seed) for seed in range(13)]
    whole = groups_of(pictures)
    monkeypatch.setattr(duplicates, "BLOCK", 4)
    monkeypatch.setattr(duplicates, "PAIRS", 3)
    told: list[tuple[int, int]] = []
    found = duplicate_groups(
        prints_of(pictures), [str(n) for n in range(13)], lambda done, total: told.append((done, total))
    )
    assert found == whole == [[0, 5, 10], [1, 6, 11], [2, 7, 12], [3, 8], [4, 9]]
    assert told == [(n, 10) for n in range(1, 11)]


def test_no_pictures_no_groups() -> None:
    empty = np.empty((0, 72, 72), np.float32)
    assert duplicate_groups(fingerprints(empty, empty > 0), [], ignore) == []


def test_the_eight_turns_are_all_there_are() -> None:
    square = np.arange(9).reshape(1, 3, 3)
    assert len({turned(square, turn).tobytes() for turn in range(TURNS)}) == TURNS
    assert (turned(square, 0) == square).all()


def test_groups_are_named_by_their_lowest_and_ordered() -> None:
    groups = Groups(6)
    groups.unite(5, 2)
    groups.unite(4, 1)
    groups.unite(2, 4)
    assert groups.root(5) == 1
    assert groups.of_two_or_more() == [[1, 2, 4, 5]]
