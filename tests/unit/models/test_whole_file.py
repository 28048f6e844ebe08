"""A file is there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.whole_file import put_in_place, whole_file, write_whole


def test_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "Müller.csv"
    with whole_file(path) as file:
        file.write("ä,1\r\nö,2\n")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == "ä,1\r\nö,2\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a much longer older text")
    with whole_file(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "a much longer older text"
    assert path.read_text() == "new"


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("older", ["older text", None])
def test_an_error_leaves_the_older_file_and_nothing_else(
    tmp_path: Path, fault: type[BaseException], older: str | None
) -> None:
    path = tmp_path / "a.csv"
    if older is not None:
        path.write_text(older)
    with pytest.raises(fault), whole_file(path) as file:
        file.write("half")
        raise fault
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == ([("a.csv", older)] if older else [])


def test_a_name_that_is_taken_by_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(OSError), whole_file(tmp_path / "a.csv") as file:
        file.write("x")
    assert [found.name for found in tmp_path.iterdir()] == ["a.csv"]


def test_bytes_are_written_whole_too(tmp_path: Path) -> None:
    write_whole(tmp_path / "new" / "a.png", b"\x89PNG\r\n\x00")
    assert (tmp_path / "new" / "a.png").read_bytes() == b"\x89PNG\r\n\x00"
    with pytest.raises(TypeError):
        write_whole(tmp_path / "new" / "a.png", "text")  # type: ignore[arg-type]  # the wrong type is the test
    assert [(found.name, found.read_bytes()) for found in (tmp_path / "new").iterdir()] == [
        ("a.png", b"\x89PNG\r\n\x00")
    ]


def test_a_folder_gets_its_name_when_all_of_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tmp_path / "made"
    (made / "inner").mkdir(parents=True)
    (made / "inner" / "a").write_text("a")
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.path.realpath(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    put_in_place(made, tmp_path / "target")
    assert (tmp_path / "target" / "inner" / "a").read_text() == "a"
    assert not made.exists()
    if synced[0].startswith(str(tmp_path)):  # where /proc tells names
        assert set(synced) == {str(path) for path in (made, made / "inner", made / "inner" / "a", tmp_path)}
        assert synced[-1] == str(tmp_path)


def test_a_folder_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    for name in ("made", "target"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    with pytest.raises(OSError):
        put_in_place(tmp_path / "made", tmp_path / "target")
    assert (tmp_path / "target" / "a").read_text() == "target"
