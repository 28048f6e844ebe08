"""A name never changes its meaning: neither other weights nor another way to score with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.registering import register
from models.catalogue import SHIPPED
from models.errors import UsageFault
from storage.settings import Settings


def version(folder: Path, **changes: Any) -> Path:
    """The smallest shipped version under another name, with some fields changed."""
    shutil.copytree(SHIPPED / "hidri-2", folder)
    raw = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(raw | {"name": "ours-1"} | changes), encoding="utf-8")
    return folder


def test_the_same_again_is_the_same(settings: Settings, tmp_path: Path) -> None:
    first = register(version(tmp_path / "a"), settings, "nurse")
    assert register(version(tmp_path / "b", metrics={}), settings, "nurse") == first


@pytest.mark.parametrize(
    "change",
    [{"views": 4}, {"calibration": {"method": "temperature", "temperature": 2.0}}],
    ids=["views", "calibration"],
)
def test_the_same_weights_that_score_otherwise_need_another_name(
    settings: Settings, tmp_path: Path, change: dict[str, Any]
) -> None:
    register(version(tmp_path / "a"), settings, "nurse")
    with pytest.raises(UsageFault, match="with other calibration or views; a name never changes its meaning"):
        register(version(tmp_path / "b", **change), settings, "nurse")
