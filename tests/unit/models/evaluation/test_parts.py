"""Which images a model version was made with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from models.catalogue import DEFAULT_MODEL, find
from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.evaluation.parts import FITTED, USED_FOR, Known, known_images, used_for
from models.manifest import Manifest
from models.training.presets import PRESETS, FineTune, Preset
from models.training.split import PARTS
from models.version import open_version

SPLIT = "checksum,label,part,group\naa,benign,train,g1\nbb,malignant,test,g2\n"
WriteVersion = Callable[..., Path]


def test_the_shipped_split_is_read(tmp_path: Path) -> None:
    found = known_images(find(DEFAULT_MODEL, tmp_path))
    assert found is not None
    assert {known.part for known in found.values()} == set(PARTS)


def test_every_part_but_test_was_used() -> None:
    assert set(USED_FOR) == set(PARTS) - {"test"}


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_no_epoch_picked_on_was_learned_from(manifest: Manifest, name: str) -> None:
    recipe = PRESETS[name]
    found = used_for(replace(manifest, training=json.loads(json.dumps({"recipe": asdict(recipe)}))))
    assert (found["train"], found["calibration"]) == (FITTED, USED_FOR["calibration"])
    assert (found["validation"] == FITTED) is isinstance(recipe, FineTune)
    assert (found["validation"] == "its epoch was picked on them") is isinstance(recipe, Preset)


@pytest.mark.parametrize("training", [{}, {"recipe": None}, {"imported": {"sha256": "0" * 64}}])
def test_a_version_without_a_recipe(manifest: Manifest, training: dict[str, Any]) -> None:
    assert used_for(replace(manifest, training=training)) == USED_FOR


def test_by_checksum(tmp_path: Path, write_version: WriteVersion) -> None:
    folder = write_version(tmp_path, split={"file": "split.csv", "sha256": sha256_hex(SPLIT.encode())})
    (folder / "split.csv").write_text(SPLIT, encoding="utf-8")
    assert known_images(open_version(folder)) == {"aa": Known("train", "g1"), "bb": Known("test", "g2")}


def test_none_where_there_is_none(tmp_path: Path, write_version: WriteVersion) -> None:
    assert known_images(open_version(write_version(tmp_path))) is None


def test_a_changed_or_missing_split_is_refused(tmp_path: Path, write_version: WriteVersion) -> None:
    folder = write_version(tmp_path, split={"file": "split.csv", "sha256": sha256_hex(SPLIT.encode())})
    with pytest.raises(ModelInvalid, match="its split cannot be read"):
        known_images(open_version(folder))
    (folder / "split.csv").write_text(SPLIT.replace("train", "test"), encoding="utf-8")
    with pytest.raises(ModelInvalid, match="the split is not that of the manifest"):
        known_images(open_version(folder))
    folder = write_version(tmp_path, "other-1")
    (folder / "split.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ModelInvalid, match="expected checksum,label,part,group"):
        known_images(open_version(folder))
