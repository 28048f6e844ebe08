"""An architecture is code of ours, named by the manifest."""

from __future__ import annotations

import pytest

from models.errors import ModelInvalid
from models.networks.architectures import build


def test_a_known_name_is_built() -> None:
    assert build("hidri", 16).name == "hidri"


@pytest.mark.parametrize("name", ["vgg", "", "models.networks.hidri", "os"])
def test_an_unknown_name_says_expected_and_received(name: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        build(name, 16)
    assert str(refused.value) == f"unknown architecture: expected one of efficientnet-lite0, hidri, received {name!r}"
