"""Which images a model version was made with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.catalogue import DEFAULT_MODEL, find
from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.evaluation.parts import USED_FOR, Known, known_images
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
