"""A damaged model version gets the bytes that its own manifest asks for, all of them or none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cli.repairing import repair
from models.catalogue import SHIPPED
from models.errors import ModelInvalid
from models.version import ModelVersion, open_version
from storage.settings import Settings


@pytest.fixture
def good() -> ModelVersion:
    return open_version(SHIPPED / "hidri-2")


@pytest.fixture
def installed(tmp_path: Path) -> ModelVersion:
    shutil.copytree(SHIPPED / "hidri-2", tmp_path / "hidri-2")
    return open_version(tmp_path / "hidri-2")


def contents(version: ModelVersion) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in version.folder.iterdir()}


def test_every_sealed_part_comes_back(good: ModelVersion, installed: ModelVersion, settings: Settings) -> None:
    for part, (file, _) in installed.sealed.items():
        (installed.folder / file).write_bytes(b"")
        assert installed.damaged() == [part]
        assert repair(installed, good, settings, "technician") == [part]
        assert contents(installed) == contents(good)
    assert set(installed.sealed) == {"weights", "distribution", "split"}


def test_what_is_whole_is_not_touched(good: ModelVersion, installed: ModelVersion, settings: Settings) -> None:
    assert repair(installed, good, settings, "technician") == []
    assert not (settings.home / "dermscreen.db").exists()  # and nothing is noted


def test_files_go_by_their_checksum_and_not_by_their_name(
    good: ModelVersion, installed: ModelVersion, settings: Settings
) -> None:
    """The good folder calls its weights otherwise; the manifest of the installed copy stays."""
    (installed.folder / "weights.safetensors").rename(installed.folder / "w.safetensors")
    raw = good.manifest.raw | {"weights": good.manifest.raw["weights"] | {"file": "w.safetensors"}}
    (installed.folder / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    renamed = open_version(installed.folder)
    (renamed.folder / "w.safetensors").unlink()
    assert repair(renamed, good, settings, "technician") == ["weights"]
    renamed.verify()
    assert open_version(installed.folder) == renamed


def test_none_where_one_is_wrong(good: ModelVersion, installed: ModelVersion, settings: Settings) -> None:
    """Weights could be put right, the split could not: nothing is."""
    raw = good.manifest.raw | {"split": {"file": "split.csv", "sha256": "0" * 64}}
    (installed.folder / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    (installed.folder / "weights.safetensors").write_bytes(b"damaged")
    before = contents(installed)
    with pytest.raises(ModelInvalid, match=r"is damaged \(split\), and this folder cannot repair it: expected SHA"):
        repair(open_version(installed.folder), good, settings, "technician")
    assert contents(installed) == before
    assert not (settings.home / "dermscreen.db").exists()
