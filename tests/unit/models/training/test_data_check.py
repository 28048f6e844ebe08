"""A folder of drawn pictures with every fault planted: each is found, and a sound folder has none."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from cli.data_check_text import lines
from cli.drawn_lesions import draw_lesion
from models.errors import UsageFault
from models.training.data_check import DataCheck, check, write_groups
from models.training.folder import read_folder
from models.training.split import read_groups, split

IMAGES = 24  # of each class


def ignore(done: int, total: int) -> None:
    """A progress that nobody looks at."""


def checked(data: Path) -> DataCheck:
    return check(read_folder(data, ignore), ignore)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes whose pictures differ in nothing but chance."""
    folder = tmp_path_factory.mktemp("sound")
    for number, label in enumerate(("benign", "malignant")):
        (folder / label).mkdir()
        for n in range(IMAGES):
            draw_lesion(n + 1000 * number, width=120, height=90).save(folder / label / f"{n}.jpg", quality=92)
    return folder


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound folder, to be spoilt."""
    return Path(shutil.copytree(sound, tmp_path / "data"))


def test_a_sound_folder(sound: Path) -> None:
    found = checked(sound)
    assert found.sound
    assert (found.groups, found.conflicts, found.unreadable, found.passed_over) == ([], [], [], 0)
    assert [item.cue for item in found.shortcuts if item.warned] == []
    benign, malignant = found.classes
    assert (benign.label, benign.images, benign.share, benign.dark_corners) == ("benign", IMAGES, 0.5, 0.0)
    assert malignant.sizes == {"120 x 90": IMAGES}
    assert malignant.formats == {"JPEG": IMAGES}


def test_dark_corners_planted_on_one_class_are_warned_of(data: Path) -> None:
    for n in range(16):
        draw_lesion(n + 1000, width=120, height=90, field=True).save(data / "malignant" / f"{n}.jpg", quality=92)
    found = checked(data)
    [corners] = [item for item in found.shortcuts if item.cue == "dark corners"]
    assert (corners.label, corners.warned, corners.share_others) == ("malignant", True, 0.0)
    assert found.classes[1].dark_corners == pytest.approx(16 / IMAGES)
    assert found.sound  # a person decides what to do about it


def test_a_copy_with_the_other_label_is_a_conflict(data: Path) -> None:
    draw_lesion(3, width=120, height=90).rotate(90, expand=True).save(data / "malignant" / "copy.png")
    found = checked(data)
    assert [[picture.image for picture in group] for group in found.conflicts] == [
        ["benign/3.jpg", "malignant/copy.png"]
    ]
    assert found.groups == found.conflicts
    assert not found.sound


def test_exact_copies_are_counted(data: Path) -> None:
    shutil.copy(data / "benign" / "5.jpg", data / "benign" / "again.jpg")
    found = checked(data)
    assert [[picture.image for picture in group] for group in found.groups] == [["benign/5.jpg", "benign/again.jpg"]]
    assert (found.exact_copies, found.conflicts, found.sound) == (1, [], True)


def test_unreadable_files_have_their_reason_and_the_rest_goes_on(data: Path) -> None:
    (data / "benign" / "0.jpg").write_bytes((data / "benign" / "0.jpg").read_bytes()[:900])
    (data / "malignant" / "text.png").write_text("no picture")
    (data / "malignant" / "empty.jpg").write_bytes(b"")
    found = checked(data)
    reasons = {file.image: file.reason.partition(":")[0] for file in found.unreadable}
    assert reasons == {
        "benign/0.jpg": "unreadable",
        "malignant/empty.jpg": "empty",
        "malignant/text.png": "not an image",
    }
    assert [(facts.images, facts.unreadable) for facts in found.classes] == [(IMAGES - 1, 1), (IMAGES, 2)]
    assert not found.sound


def test_a_file_that_may_not_be_read_has_its_reason(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "7.jpg":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root, who runs tests in containers, may read everything
    assert {file.reason for file in checked(data).unreadable} == {"cannot be read: Permission denied"}


def test_other_files_are_passed_over(data: Path) -> None:
    (data / "benign" / "notes.txt").write_text("notes")
    (data / "benign" / ".DS_Store").write_bytes(b"x")
    (data / "benign" / "deeper").mkdir()
    (data / "list.csv").write_text("a,b")
    found = checked(data)
    assert found.passed_over == 1
    assert found.sound


def test_checking_and_training_read_the_same_files(data: Path) -> None:
    """What training takes and nobody looked at may be a copy of what it is measured on."""
    (data / "benign" / "._0.png").write_bytes(b"what a Mac leaves beside 0.png")
    shutil.copy(data / "benign" / "0.jpg", data / "benign" / ".hidden.jpg")
    (data / "benign" / "odd.jpg").mkdir()
    shutil.copy(data / "benign" / "0.jpg", data / "benign" / "odd.jpg" / "deep.jpg")
    (data / ".trash").mkdir()
    shutil.copy(data / "benign" / "0.jpg", data / ".trash" / "0.jpg")
    folder = read_folder(data, ignore)
    assert [picture.image for picture in folder.pictures] == [sample.image for sample in split(data, {}, 7)]
    assert (len(folder.pictures), folder.unreadable) == (2 * IMAGES, [])


def test_pictures_in_deeper_folders_are_counted_and_told(data: Path) -> None:
    """Neither checking nor training reads them, and both say so."""
    for name in ("benign/site1/a.jpg", "malignant/x/y/b.PNG"):
        (data / name).parent.mkdir(parents=True)
        shutil.copy(data / "benign" / "0.jpg", data / name)
    for name in ("benign/site1/._a.jpg", "benign/site1/notes.txt", "malignant/notes.txt"):
        (data / name).write_bytes(b"no picture")
    found = checked(data)
    assert (found.passed_over, found.nested, found.groups) == (3, ["benign/site1/a.jpg", "malignant/x/y/b.PNG"], [])
    assert (found.to_json()["passed_over"], found.to_json()["nested"]) == (3, found.nested)
    said = list(lines(found))
    assert "1 files passed over, as training does: their extension is that of no picture" in said
    [warned] = [line for line in said if line.startswith("WARNING")]
    assert warned.startswith("WARNING: passed over, as by training: 2 pictures in folders below those of the classes, ")
    assert "such as benign/site1/a.jpg" in warned


def test_a_folder_whose_pictures_all_lie_deeper_is_refused_with_their_number(tmp_path: Path) -> None:
    (tmp_path / "benign" / "site1").mkdir(parents=True)
    draw_lesion(1).save(tmp_path / "benign" / "site1" / "a.jpg")
    with pytest.raises(
        UsageFault, match="found none: .*; there are 1 pictures in folders below .* such as benign/site1/a.jpg"
    ):
        read_folder(tmp_path, ignore)


def test_folders_of_any_name_are_classes(data: Path) -> None:
    (data / "malignant").rename(data / "melanoma")
    assert [facts.label for facts in checked(data).classes] == ["benign", "melanoma"]


def test_nothing_readable_is_still_reported(tmp_path: Path) -> None:
    (tmp_path / "benign").mkdir()
    (tmp_path / "benign" / "a.jpg").write_bytes(b"")
    found = checked(tmp_path)
    assert [facts.images for facts in found.classes] == [0]
    assert len(found.unreadable) == 1


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    draw_lesion(1).save(tmp_path / "loose.jpg")
    with pytest.raises(UsageFault, match="expected one folder a class"):
        read_folder(tmp_path, ignore)


def test_the_csv_of_groups_is_what_the_split_reads(data: Path, tmp_path: Path) -> None:
    for n in range(5):
        draw_lesion(n, width=120, height=90).save(data / "benign" / f"copy, {n}.jpg", quality=60)
    out = io.StringIO()
    write_groups(out, checked(data).groups)
    (tmp_path / "groups.csv").write_text(out.getvalue(), encoding="utf-8")
    groups = read_groups(tmp_path / "groups.csv")
    assert len(groups) == 10
    samples = {sample.image: sample for sample in split(data, groups, 7)}
    for n in range(5):
        assert samples[f"benign/{n}.jpg"].group == samples[f"benign/copy, {n}.jpg"].group


def test_the_same_folder_gives_the_same_findings_and_progress_reaches_its_end(sound: Path) -> None:
    told: list[tuple[int, int]] = []
    first = check(read_folder(sound, lambda done, total: told.append((done, total))), ignore)
    assert first.to_json() == checked(sound).to_json()
    assert told == [(n, 2 * IMAGES) for n in range(1, 2 * IMAGES + 1)]
