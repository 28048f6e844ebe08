"""Recipes are data."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from models.errors import UsageFault
from models.networks.architectures import ARCHITECTURES
from models.preprocessing import PREPROCESSINGS
from models.training.presets import NEAR, PRESETS, FineTune, Phase, preset


def test_hidris_recipe() -> None:
    found = preset("hidri")
    assert (found.input_size, found.epochs, found.batch_size, found.learning_rate) == (128, 20, 32, 1e-4)
    assert (found.flips, found.rotation, found.zoom) == (True, 0.2, 0.2)
    assert (found.stop_patience, found.plateau_factor, found.plateau_patience) == (3, 0.5, 2)


def test_thompsons_recipe() -> None:
    found = preset("thompson")
    assert (found.input_size, found.epochs, found.batch_size, found.learning_rate) == (224, 20, 32, 1e-3)
    assert (found.flips, found.rotation, found.zoom) == (False, 0, 0)


def test_the_last_epochs_of_a_phase_settle() -> None:
    phase = Phase(5, 160, 1e-3, zoom_from=0.5, strength=1.0, settle_epochs=2, settle_strength=0.25)
    assert [phase.strength_in(epoch) for epoch in (-1, 0, 2, 3, 4)] == [1.0, 1.0, 1.0, 0.25, 0.25]
    assert NEAR.strength_in(NEAR.epochs - 1) == NEAR.strength


@pytest.mark.parametrize(
    ("epochs", "left"),
    [(1, (1,)), (18, (18,)), (20, (18, 2)), (26, (18, 8)), (50, (18, 8, 24)), (99, (18, 8, 24, 8))],
)
def test_a_recipe_of_phases_is_cut_at_its_end(epochs: int, left: tuple[int, ...]) -> None:
    whole = preset("efficientnet-lite2")
    assert isinstance(whole, FineTune)
    cut = whole.cut(epochs)
    assert tuple(phase.epochs for phase in cut.phases) == left
    assert cut.epochs == sum(left)
    assert replace(cut, phases=whole.phases) == whole


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_names_parts_that_exist(name: str) -> None:
    assert preset(name).architecture in ARCHITECTURES
    assert preset(name).preprocessing in PREPROCESSINGS


def test_an_unknown_recipe_says_expected_and_received() -> None:
    with pytest.raises(UsageFault, match=r"^no recipe for 'vgg': expected one of .*hidri.*$"):
        preset("vgg")


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        preset("hidri").epochs = 1  # type: ignore[misc]
