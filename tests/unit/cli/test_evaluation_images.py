"""The images of a folder that is evaluated."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cli.evaluating import Order, _from_folder
from models.catalogue import DEFAULT_MODEL
from scheduler import natural_order
from storage.settings import Settings


def test_the_names_of_a_large_folder_are_sorted_in_the_data_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They name patients, and went where temporary files go."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"no picture {number}")
    monkeypatch.setattr(natural_order, "RUN", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert len(_from_folder(Order(source=str(folder), model=DEFAULT_MODEL), settings).images) == 3


def test_a_large_folder_is_evaluated_where_there_is_no_data_folder(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"no picture {number}")
    monkeypatch.setattr(natural_order, "RUN", 1)
    nowhere = replace(settings, home=tmp_path / "nowhere")
    assert len(_from_folder(Order(source=str(folder), model=DEFAULT_MODEL), nowhere).images) == 3
    assert not nowhere.home.exists()
