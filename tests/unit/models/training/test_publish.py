"""What is measured is what is screened: the same views, the same pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.classes import BINARY
from models.networks.architectures import build
from models.preprocessing import prepare
from models.training.order import Order
from models.training.presets import PRESETS, Preset
from models.training.publish import _outputs
from models.training.split import split
from models.views import VIEWS, averaged


@pytest.mark.parametrize("views", VIEWS)
def test_a_part_is_scored_over_the_views_of_the_order(lesions: Path, tmp_path: Path, views: int) -> None:
    recipe = replace(PRESETS["thompson"], input_size=16, batch_size=4)
    assert isinstance(recipe, Preset)
    network: Any = build("thompson", 16)
    network.compile(jit_compile=False)
    samples = split(lesions, {}, 7)[:6]
    order = Order("thompson", lesions, tmp_path, "t-1", views=views)
    found = _outputs(network, order, samples, recipe, BINARY)
    pictures = np.stack([prepare((lesions / s.image).read_bytes(), ".jpg", "square-1", 16) for s in samples])
    expected = averaged(views, lambda flip: network.predict_on_batch(np.ascontiguousarray(flip(pictures))))
    assert found == pytest.approx(expected, abs=1e-6)
