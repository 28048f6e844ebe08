"""One process of a data folder takes files out of an inbox."""

from pathlib import Path

import pytest

from models.errors import PassingFault
from scheduler.one_watcher import OneWatcher
from storage.settings import Settings


def test_a_second_one_has_it_when_the_first_lets_go(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inbox")
    first, second = OneWatcher(tmp_path / "inbox", settings), OneWatcher(tmp_path / "link", settings)
    first.hold()
    first.hold()
    with pytest.raises(PassingFault, match="^another `screen watch` has this inbox"):
        second.hold()
    first.let_go()
    second.hold()
    with pytest.raises(PassingFault):
        first.hold()
    second.let_go()


def test_another_inbox_is_another_matter(tmp_path: Path, settings: Settings) -> None:
    several = [OneWatcher(tmp_path / name, settings) for name in ("a", "b")]
    for one in several:
        one.hold()
    for one in several:
        one.let_go()


def test_a_data_folder_without_locks_is_said(tmp_path: Path, settings: Settings) -> None:
    one = OneWatcher(tmp_path, settings)
    one._file.mkdir()
    with pytest.raises(PassingFault, match="^the inbox cannot be locked in the data folder: Is a directory$"):
        one.hold()
