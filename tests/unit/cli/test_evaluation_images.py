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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """So many files that their names are not sorted in memory."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"no picture {number}")
    monkeypatch.setattr(natural_order, "RUN", 1)
    return folder


def test_the_names_of_a_large_folder_are_sorted_in_the_data_folder(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They name patients, and went where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "none"))
    assert len(_from_folder(Order(source=str(folder), model=DEFAULT_MODEL), settings).images) == 3


def test_a_large_folder_is_evaluated_where_there_is_no_data_folder(settings: Settings, folder: Path) -> None:
    nowhere = replace(settings, home=folder / "nowhere")
    assert len(_from_folder(Order(source=str(folder), model=DEFAULT_MODEL), nowhere).images) == 3
    assert not nowhere.home.exists()
