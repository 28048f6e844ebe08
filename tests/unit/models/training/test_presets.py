"""Recipes are data."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from models.errors import UsageFault
from models.networks.architectures import ARCHITECTURES
from models.preprocessing import PREPROCESSINGS
from models.training.presets import PRESETS, preset


def test_hidris_recipe() -> None:
    found = preset("hidri")
    assert (found.input_size, found.epochs, found.batch_size, found.learning_rate) == (128, 20, 32, 1e-4)
    assert (found.rotation, found.zoom) == (0.2, 0.2)
    assert (found.stop_patience, found.plateau_factor, found.plateau_patience) == (3, 0.5, 2)


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_names_parts_that_exist(name: str) -> None:
    assert preset(name).architecture in ARCHITECTURES
    assert preset(name).preprocessing in PREPROCESSINGS


def test_an_unknown_recipe_says_expected_and_received() -> None:
    with pytest.raises(UsageFault, match=r"^no recipe for 'vgg': expected one of efficientnet-lite0, hidri$"):
        preset("vgg")


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        preset("hidri").epochs = 1  # type: ignore[misc]
