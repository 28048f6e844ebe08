"""An architecture is code of ours, named by the manifest."""

from __future__ import annotations

import pytest

from models.errors import ModelInvalid
from models.networks.architectures import ARCHITECTURES, build


@pytest.mark.parametrize("name", ["hidri", "thompson"])
def test_a_known_name_is_built(name: str) -> None:
    assert build(name, 16).name == name


@pytest.mark.parametrize("name", ["vgg", "", "models.networks.hidri", "os"])
def test_an_unknown_name_says_expected_and_received(name: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        build(name, 16)
    known = ", ".join(sorted(ARCHITECTURES))
    assert str(refused.value) == f"unknown architecture: expected one of {known}, received {name!r}"
