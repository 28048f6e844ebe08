"""Every file that was named is found, in the order people count in, and nothing is silently skipped or followed."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from models.errors import UsageFault
from scheduler.collect import Collection, Found
from scheduler.intake import examine


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(folder: Path, *paths: str) -> list[str]:
    collection = Collection(paths or [str(folder)])
    found = [found.image.removeprefix(f"{folder}/") for found in collection]
    assert collection.count() == len(found)
    return found


def test_folders_are_walked_in_natural_order(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("10.jpg", "2.jpg", "b/3.png", "b/c/1.tif", "a/20.jpg", "a/3.jpg", "1.jpg")))
    assert names(tmp_path) == ["1.jpg", "2.jpg", "10.jpg", "a/3.jpg", "a/20.jpg", "b/3.png", "b/c/1.tif"]


def test_named_paths_come_in_the_order_they_were_named(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.jpg", tmp_path / "2.jpg", tmp_path / "b" / "3.jpg")
    named = [str(tmp_path / name) for name in ("b", "2.jpg", "a", "2.jpg")]
    assert names(tmp_path, *named) == ["b/3.jpg", "2.jpg", "a/1.jpg", "2.jpg"]


def test_every_kind_of_file_is_found_and_hidden_ones_too(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("notes.txt", ".hidden.jpg", "no extension", "scan.heic")))
    assert sorted(names(tmp_path)) == [".hidden.jpg", "no extension", "notes.txt", "scan.heic"]


def test_system_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in (".DS_Store", "a/Thumbs.db", "a/DESKTOP.INI", "._1.jpg", "1.jpg")))
    collection = Collection([str(tmp_path)])
    assert [Path(found.image).name for found in collection] == ["1.jpg"]
    assert collection.passed_over == 4
    assert collection.count() == 1


def test_entries_left_out_are_left_out_at_the_top_alone(tmp_path: Path) -> None:
    touch(tmp_path / "processed" / "1.jpg", tmp_path / "a" / "processed" / "2.jpg", tmp_path / "3.jpg")
    found = Collection([str(tmp_path)], without=("processed",))
    assert [Path(item.image).name for item in found] == ["3.jpg", "2.jpg"]
    assert found.count() == 2


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    assert names(tmp_path) == []


def test_symbolic_links_inside_are_found_and_refused_and_not_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere" / "1.jpg", tmp_path / "ward" / "2.jpg")
    (tmp_path / "ward" / "file.jpg").symlink_to(tmp_path / "elsewhere" / "1.jpg")
    (tmp_path / "ward" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "ward" / "loop").symlink_to(tmp_path / "ward")
    (tmp_path / "ward" / "nowhere.jpg").symlink_to(tmp_path / "nothing")
    found = list(Collection([str(tmp_path / "ward")]))
    assert [Path(item.image).name for item in found] == ["2.jpg", "file.jpg", "folder", "loop", "nowhere.jpg"]
    assert [examine(item).reason for item in found[1:]] == ["a symbolic link: expected the file itself"] * 4


def test_a_folder_named_by_hand_may_be_a_link(tmp_path: Path) -> None:
    touch(tmp_path / "real" / "1.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(tmp_path, str(tmp_path / "link")) == ["link/1.jpg"]


@pytest.mark.parametrize(("typed", "shown"), [("./x", "./x/1.jpg"), ("x/", "x/1.jpg"), ("../w/x", "../w/x/1.jpg")])
def test_the_path_stays_as_it_was_typed_and_the_location_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, shown: str
) -> None:
    touch(tmp_path / "w" / "x" / "1.jpg")
    monkeypatch.chdir(tmp_path / "w")
    (found,) = Collection([typed])
    assert found.image == shown
    assert Path(found.location).is_absolute()
    assert Path(found.location).samefile(tmp_path / "w" / "x" / "1.jpg")


def test_one_file_named_by_its_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "x" / "1.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(Collection(["./x/1.jpg"])) == [Found("./x/1.jpg", f"{tmp_path}/x/1.jpg")]


def test_a_path_that_does_not_exist_is_said_before_anything_is_read(tmp_path: Path) -> None:
    touch(tmp_path / "1.jpg")
    with pytest.raises(UsageFault, match=f"^no such file or folder: {tmp_path}/none$"):
        Collection([str(tmp_path / "1.jpg"), str(tmp_path / "none")])


def test_a_folder_that_cannot_be_read_is_an_item_with_its_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a" / "1.jpg", tmp_path / "b" / "2.jpg")
    real = os.scandir

    def scandir(path: str) -> object:  # the superuser may read every folder
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    locked, other = collection = list(Collection([str(tmp_path)]))
    assert Collection([str(tmp_path)]).count() == len(collection)
    assert locked == Found(f"{tmp_path}/a", f"{tmp_path}/a", "folder cannot be read: Permission denied")
    assert other.image == f"{tmp_path}/b/2.jpg"
    assert examine(locked).reason == "folder cannot be read: Permission denied"


def test_names_that_are_not_utf8_are_shown_and_found(tmp_path: Path) -> None:
    path = os.path.join(os.fspath(tmp_path), os.fsdecode(b"\xff.jpg"))  # noqa: PTH118
    try:
        Path(path).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    (found,) = Collection([str(tmp_path)])
    assert (found.image, found.location) == (f"{tmp_path}/\\xff.jpg", f"file://{tmp_path}/%FF.jpg")


def test_a_url_is_listed_in_natural_order() -> None:
    store = fsspec.filesystem("memory")
    try:
        for name in ("/wards/10.jpg", "/wards/2.jpg", "/wards/a/1.jpg"):
            store.pipe(name, b"x")
        assert [found.image for found in Collection(["memory://wards"])] == [
            "memory:///wards/2.jpg", "memory:///wards/10.jpg", "memory:///wards/a/1.jpg",
        ]  # fmt: skip
        assert Collection(["memory://wards"]).count() == 3
        with pytest.raises(UsageFault, match=r"^no files below memory://nothing$"):
            list(Collection(["memory://nothing"]))
    finally:
        store.rm("/wards", recursive=True)


def test_an_unknown_kind_of_url_is_a_usage_fault() -> None:
    with pytest.raises(UsageFault, match=r"^nonsense:// cannot be read"):
        list(Collection(["nonsense://bucket"]))
