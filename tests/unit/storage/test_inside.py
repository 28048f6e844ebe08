"""Nothing below a root leads out of it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from models.errors import ImageRefused
from storage.image_files import read_image_bytes
from storage.inside import folder_inside
from storage.paths import to_location


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a/b/1.jpg, beside a folder `private` that holds b/1.jpg too."""
    for name in ("root/a", "private"):
        (tmp_path / name / "b").mkdir(parents=True)
        (tmp_path / name / "b" / "1.jpg").write_bytes(name.encode())
    return tmp_path / "root"


def swap(root: Path, name: str) -> None:
    """What somebody who may write to the folder does between our look and our opening."""
    (root / name).rename(root / "away")
    (root / name).symlink_to(root.parent / "private" / Path(name).relative_to("a"))


def test_what_lies_inside_is_read(root: Path) -> None:
    assert read_image_bytes(str(root / "a" / "b" / "1.jpg"), str(root)) == b"root/a"


def test_names_that_are_not_text(root: Path) -> None:
    odd = root / os.fsdecode(b"\xff")
    odd.mkdir()
    (odd / "1.jpg").write_bytes(b"odd")
    assert read_image_bytes(to_location(str(odd / "1.jpg")), to_location(str(root))) == b"odd"


@pytest.mark.parametrize("name", ["a", "a/b", "a/b/1.jpg"])
def test_no_step_may_be_a_link(name: str, root: Path) -> None:
    swap(root, name)
    if name != "a/b/1.jpg":
        assert read_image_bytes(str(root / "a" / "b" / "1.jpg")) == b"private"  # without a root it would be
    with pytest.raises(ImageRefused, match="^a symbolic link: expected the file itself$"):
        read_image_bytes(str(root / "a" / "b" / "1.jpg"), str(root))


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_image_bytes(str(tmp_path / "link" / "a" / "b" / "1.jpg"), str(tmp_path / "link")) == b"root/a"


@pytest.mark.parametrize("path", ["../private/b/1.jpg", "a/../../private/b/1.jpg", "/etc/passwd"])
def test_a_path_that_is_not_inside(path: str, root: Path) -> None:
    with pytest.raises(ImageRefused, match="not a valid path"):
        read_image_bytes(str(root / path), str(root))


def test_a_second_name_is_refused_where_it_matters(root: Path) -> None:
    (root / "2.jpg").hardlink_to(root.parent / "private" / "b" / "1.jpg")
    assert read_image_bytes(str(root / "2.jpg"), str(root)) == b"private"
    with pytest.raises(ImageRefused, match="^a hard link: the file has a second name"):
        read_image_bytes(str(root / "2.jpg"), str(root), one_name=True)
    assert read_image_bytes(str(root / "a" / "b" / "1.jpg"), str(root), one_name=True) == b"root/a"


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o777])
def test_folders_that_are_made_are_as_open_as_the_root(mode: int, root: Path) -> None:
    root.chmod(mode)
    before = os.umask(0o077)
    try:
        with folder_inside(root, root / "x" / "y", make=True) as found:
            assert stat.S_IMODE(os.fstat(found).st_mode) == mode
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "x").stat().st_mode) == mode


def test_nothing_is_made_behind_a_link(root: Path) -> None:
    swap(root, "a")
    with pytest.raises(OSError) as refused, folder_inside(root, root / "a" / "new", make=True):
        pass
    assert refused.value.errno == errno.ELOOP
    assert not (root.parent / "private" / "new").exists()


def test_a_file_is_no_folder(root: Path) -> None:
    with pytest.raises(NotADirectoryError), folder_inside(root, root / "a" / "b" / "1.jpg"):
        pass


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else set()
    swap(root, "a/b")
    for path in ("a/b", "a", "nowhere", "a/b/c"):
        try:
            with folder_inside(root, root / path):
                pass
        except OSError:
            continue
    assert (set(Path("/proc/self/fd").iterdir()) if before else set()) <= before
