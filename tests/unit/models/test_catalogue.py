"""Which model versions are at hand, and which of them screens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models import catalogue
from models.errors import ModelInvalid


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships what the test puts there."""
    folder = tmp_path / "package" / "versions"
    monkeypatch.setattr(catalogue, "SHIPPED", folder)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_the_shipped_default_is_whole(home: Path) -> None:
    version = catalogue.find(catalogue.DEFAULT_MODEL, home)
    assert version.verified_weights()
    assert version.manifest.default.expected["test"]["sensitivity"] > 0.5


def test_shipped_and_own_versions_are_found(shipped: Path, home: Path, write_version: Callable[..., Path]) -> None:
    write_version(shipped, "hidri-1", b"shipped")
    write_version(home / "models", "own-2", b"own 2")
    write_version(home / "models", "own-1", b"own 1")
    assert catalogue.find("hidri-1", home).verified_weights() == b"shipped"
    assert catalogue.find("own-2", home).verified_weights() == b"own 2"
    assert [folder.name for folder in catalogue.folders(home)] == ["hidri-1", "own-1", "own-2"]


def test_a_shipped_version_cannot_be_replaced_from_the_data_folder(
    shipped: Path, home: Path, write_version: Callable[..., Path]
) -> None:
    write_version(shipped, "hidri-1", b"shipped")
    write_version(home / "models", "hidri-1", b"another")
    assert catalogue.find("hidri-1", home).verified_weights() == b"shipped"


def test_an_unknown_name_lists_those_at_hand(shipped: Path, home: Path, write_version: Callable[..., Path]) -> None:
    write_version(shipped, "hidri-1")
    write_version(home / "models", "own-1")
    with pytest.raises(ModelInvalid) as refused:
        catalogue.find("own-7", home)
    assert str(refused.value) == "no model version 'own-7' (at hand: hidri-1, own-1); see `screen model list`"


def test_nothing_at_hand(shipped: Path, home: Path) -> None:
    assert list(catalogue.folders(home)) == []
    with pytest.raises(ModelInvalid, match=r"no model version 'hidri-1' \(at hand: none\)"):
        catalogue.find("hidri-1", home)


def test_a_folder_without_a_manifest_is_no_version(
    shipped: Path, home: Path, write_version: Callable[..., Path]
) -> None:
    (write_version(home / "models", "half-1") / "manifest.json").unlink()
    (home / "models" / "notes.txt").write_text("not a folder")
    assert list(catalogue.folders(home)) == []
    with pytest.raises(ModelInvalid, match="at hand: none"):
        catalogue.find("half-1", home)


@pytest.mark.parametrize("name", ["..", "../outside", "."])
def test_a_name_does_not_lead_out_of_the_folder(
    shipped: Path, home: Path, write_version: Callable[..., Path], name: str
) -> None:
    write_version(home, "models")
    write_version(home, "outside")
    with pytest.raises(ModelInvalid):
        catalogue.find(name, home)


def test_folder_and_manifest_bear_one_name(shipped: Path, home: Path, write_version: Callable[..., Path]) -> None:
    """Else its predictions would be kept as those of the other model."""
    write_version(home / "models", "own-1").rename(home / "models" / "own-2")
    with pytest.raises(ModelInvalid, match="own-2 holds the model 'own-1'; give both one name$"):
        catalogue.find("own-2", home)


def test_the_setting_chooses_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERMSCREEN_MODEL", raising=False)
    assert catalogue.default_name() == "hidri-1"
    monkeypatch.setenv("DERMSCREEN_MODEL", "")
    assert catalogue.default_name() == "hidri-1"
    monkeypatch.setenv("DERMSCREEN_MODEL", "own-1")
    assert catalogue.default_name() == "own-1"
