"""Which folders are classes: as always without a word, every one of them once --malignant is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.classes import BINARY, Classes
from models.errors import UsageFault
from models.training.class_folders import class_folders, passed_over


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """nv/ and mel/ with pictures; what is no class beside them."""
    for name in ("nv/1.jpg", "mel/1.JPG", "notes/read me.txt", ".cache/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def add(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir()
        (folder / name / "1.png").write_bytes(b"")


def test_every_folder_with_pictures_is_a_class(folder: Path) -> None:
    add(folder, "bkl")
    classes = class_folders(folder, ("mel",))
    assert classes == Classes(("bkl", "mel", "nv"), ("mel",))
    assert passed_over(folder, classes) == []


def test_no_class_of_hidden_files_and_folders_alone(folder: Path) -> None:
    for name in ("hidden/._1.jpg", "odd/1.jpg/notes.txt"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"")
    assert class_folders(folder, ("mel",)).names == ("mel", "nv")


def test_benign_and_malignant_stay_what_they_were(folder: Path) -> None:
    add(folder, "benign", "malignant")
    assert class_folders(folder, ()) == BINARY
    assert passed_over(folder, BINARY) == ["mel", "nv"]


def test_an_empty_folder_is_for_the_split_to_refuse(tmp_path: Path) -> None:
    assert class_folders(tmp_path, ()) == BINARY


def test_classes_without_a_word_about_malignant(folder: Path) -> None:
    with pytest.raises(UsageFault) as refused:
        class_folders(folder, ())
    assert str(refused.value) == (
        "the classes mel, nv do not say which of them count as malignant; name those by --malignant"
    )


@pytest.mark.parametrize(
    ("malignant", "message"), [(("bcc",), "bcc: expected classes that are there: mel, nv"), (("mel", "nv"), "at least")]
)
def test_a_choice_that_is_not_sound(folder: Path, malignant: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        class_folders(folder, malignant)


def test_a_name_that_is_not_sound(folder: Path) -> None:
    add(folder, "not sure")
    with pytest.raises(UsageFault, match="received 'not sure'"):
        class_folders(folder, ("mel",))
