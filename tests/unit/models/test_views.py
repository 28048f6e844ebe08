"""Mirror images: each once, and a mean that a mirror image of the picture shares."""

import numpy as np
import pytest

from models.views import VIEWS, averaged, flips

PICTURES = np.random.default_rng(1).integers(0, 256, (3, 4, 4, 3)).astype(np.uint8)


@pytest.mark.parametrize("views", VIEWS)
def test_each_view_is_another_and_undoes_itself(views: int) -> None:
    seen = [flip(PICTURES) for flip in flips(views)]
    assert len({view.tobytes() for view in seen}) == views
    assert np.array_equal(seen[0], PICTURES)
    for flip, view in zip(flips(views), seen, strict=True):
        assert np.array_equal(flip(view), PICTURES)


def test_the_second_is_left_right_and_the_third_up_down() -> None:
    _, left_right, up_down, both = (flip(PICTURES) for flip in flips(4))
    assert np.array_equal(left_right[:, :, 0], PICTURES[:, :, -1])
    assert np.array_equal(up_down[:, 0], PICTURES[:, -1])
    assert np.array_equal(both[:, 0, 0], PICTURES[:, -1, -1])


def test_one_view_is_what_was_said() -> None:
    said = np.array([0.25, 0.5, 0.75])
    assert averaged(1, lambda flip: said) is said


@pytest.mark.parametrize("views", [2, 4])
def test_a_mirrored_picture_scores_the_same(views: int) -> None:
    weights = np.random.default_rng(2).normal(0, 1, PICTURES.shape[1:])

    def mean(pictures: np.ndarray) -> np.ndarray:
        return averaged(views, lambda flip: (flip(pictures) * weights).sum((1, 2, 3)))

    for flip in flips(views):
        assert mean(flip(PICTURES)) == pytest.approx(mean(PICTURES))
