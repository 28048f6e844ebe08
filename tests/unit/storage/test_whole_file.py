"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.whole_file import whole_file, write_whole


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
