"""No copy of a training image is measured on, and a split stays as it is."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import DEFAULT_MODEL, SHIPPED
from models.checksum import sha256_hex
from models.errors import UsageFault
from models.training.split import (
    PARTS,
    Sample,
    _groups,
    _part,
    _parts,
    _position,
    no_images,
    read_groups,
    split,
    split_csv,
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """60 files of a few bytes a class: the split never decodes them."""
    for label in ("benign", "malignant"):
        (tmp_path / label).mkdir()
        for number in range(60):
            (tmp_path / label / f"{number}.jpg").write_bytes(f"{label} {number}".encode())
    return tmp_path


def parts(samples: list[Sample]) -> dict[str, str]:
    return {sample.image: sample.part for sample in samples}


def test_every_image_is_in_one_part_with_its_label_and_checksum(data: Path) -> None:
    samples = split(data, {}, 7)
    assert len(samples) == 120
    assert len({sample.image for sample in samples}) == 120
    assert {sample.part for sample in samples} == set(PARTS)
    for sample in samples:
        assert sample.checksum == sha256_hex((data / sample.image).read_bytes())
        assert sample.label == (sample.image.split("/")[0] == "malignant")


def test_groups_never_span_parts(data: Path) -> None:
    groups = {f"{label}/{n}.jpg": f"{label}{n % 20}" for label in ("benign", "malignant") for n in range(60)}
    found = defaultdict(set)
    for sample in split(data, groups, 7):
        found[groups[sample.image]].add((sample.group, sample.part))
    assert len(found) == 40
    assert all(len(seen) == 1 for seen in found.values())
    assert len({next(iter(seen))[0] for seen in found.values()}) == 40


def test_a_group_may_hold_both_labels(data: Path) -> None:
    samples = {s.image: s for s in split(data, {"benign/1.jpg": "5", "malignant/1.jpg": "5"}, 7)}
    assert samples["benign/1.jpg"].group == samples["malignant/1.jpg"].group
    assert samples["benign/1.jpg"].part == samples["malignant/1.jpg"].part


def test_identical_bytes_are_one_group_whatever_their_names(data: Path) -> None:
    for number in range(20):
        (data / "benign" / f"copy {number}.png").write_bytes((data / "benign" / f"{number}.jpg").read_bytes())
    samples = {s.image: s for s in split(data, {}, 7)}
    for number in range(20):
        original, copy = samples[f"benign/{number}.jpg"], samples[f"benign/copy {number}.png"]
        assert (original.group, original.part) == (copy.group, copy.part)
    assert len({s.group for s in samples.values()}) == 120


def test_equal_bytes_unite_groups_of_the_csv(data: Path) -> None:
    """1 and 2 are copies by the CSV, 2 and 3 by their bytes, 3 and 4 by the CSV: all four are one group."""
    (data / "benign" / "3.jpg").write_bytes((data / "benign" / "2.jpg").read_bytes())
    groups = {"benign/1.jpg": "a", "benign/2.jpg": "a", "benign/3.jpg": "b", "benign/4.jpg": "b"}
    samples = {s.image: s.group for s in split(data, groups, 7)}
    assert len({samples[image] for image in groups}) == 1
    assert samples["benign/5.jpg"] != samples["benign/1.jpg"]


def test_adding_an_image_moves_none_of_another_group(data: Path) -> None:
    before = parts(split(data, {}, 7))
    for number in range(30):
        (data / "malignant" / f"0 new {number}.jpg").write_bytes(f"new {number}".encode())
    after = parts(split(data, {}, 7))
    assert len(after) == 150
    assert {image: after[image] for image in before} == before


def test_names_and_numbers_of_groups_do_not_matter(data: Path) -> None:
    one = {f"benign/{number}.jpg": str(number // 3) for number in range(60)}
    other = {image: f"group {group}" for image, group in one.items()}
    assert split(data, one, 7) == split(data, other, 7)


def test_another_seed_is_another_split(data: Path) -> None:
    assert split(data, {}, 7) == split(data, {}, 7)
    assert parts(split(data, {}, 7)) != parts(split(data, {}, 8))


def names(number: int) -> list[str]:
    return [f"{n:016x}" for n in range(number)]


def cells(part_of: dict[str, str], labels: dict[str, set[int]]) -> Counter[tuple[str, int]]:
    return Counter((part, label) for group, part in part_of.items() for label in labels[group])


def test_the_fractions_are_about_right() -> None:
    sizes = Counter(_parts(7, {name: {0} for name in names(2000)}).values())
    assert {part: sizes[part] / 2000 for part in PARTS} == pytest.approx(PARTS, abs=0.025)
    assert sum(PARTS.values()) == pytest.approx(1)


@pytest.mark.parametrize("each", [4, 10, 20, 40, 60])
@pytest.mark.parametrize("classes", [2, 3])
def test_no_part_lacks_a_class_and_what_is_complete_stays(each: int, classes: int) -> None:
    labels = {name: {number % classes} for number, name in enumerate(names(each * classes))}
    complete = 0
    for seed in range(200):
        by_hash = {group: _part(_position(seed, group)) for group in labels}
        found = _parts(seed, labels)
        assert found == _parts(seed, dict(reversed(labels.items())))
        before, after = cells(by_hash, labels), cells(found, labels)
        assert len(after) == len(PARTS) * classes
        # one group comes to each part that lacks a class, and nothing else moves
        lacking = len(PARTS) * classes - len(before)
        moved = [group for group in labels if found[group] != by_hash[group]]
        assert len(moved) == lacking
        assert all(after[found[group], label] == 1 for group in moved for label in labels[group])
        complete += not lacking
    assert complete == 0 if each == 4 else complete > 0 or each < 20


def test_the_nearest_group_is_moved() -> None:
    """Of the groups of the part before, the one whose hash is the largest."""
    labels = {name: {0} for name in names(400)}
    groups = sorted(labels, key=lambda group: _position(7, group))
    few = {group: {0} for group in groups if _part(_position(7, group)) != "test"}
    moved = [group for group, part in _parts(7, few).items() if part != _part(_position(7, group))]
    assert moved == [max(few, key=lambda group: _position(7, group))]


def test_a_group_of_two_classes_is_moved_only_where_both_have_others() -> None:
    alone, both, *_ = (name for name in names(1000) if _part(_position(7, name)) == "train")
    assert _parts(7, {alone: {0}, both: {0, 1}}) == {alone: "validation", both: "train"}


def test_the_split_of_the_shipped_version_is_found_again() -> None:
    manifest = json.loads((SHIPPED / DEFAULT_MODEL / "manifest.json").read_text(encoding="utf-8"))
    labels, part_of = defaultdict(set), {}
    with (SHIPPED / DEFAULT_MODEL / "split.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            labels[row["group"]].add(row["label"] == "malignant")
            part_of[row["group"]] = row["part"]
    assert _parts(manifest["training"]["seed"], labels) == part_of


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 8)), min_size=1, max_size=40))
def test_groups_are_what_bytes_and_csv_connect(rows: list[tuple[int, int]]) -> None:
    found = [(f"benign/{n}", f"{a:x}" * 64, 0, f"{b}" if b else "") for n, (a, b) in enumerate(rows)]
    group_of = _groups(found)
    # by hand: spread the smallest number along shared checksums and shared groups until nothing changes
    reach = list(range(len(rows)))
    changed = True
    while changed:
        changed = False
        for a, (sum_a, group_a) in enumerate(rows):
            for b, (sum_b, group_b) in enumerate(rows):
                if (sum_a == sum_b or (group_a and group_a == group_b)) and reach[b] < reach[a]:
                    reach[a], changed = reach[b], True
    for a in range(len(rows)):
        for b in range(len(rows)):
            same = group_of[f"benign/{a}"] == group_of[f"benign/{b}"]
            assert same == (reach[a] == reach[b])


@pytest.mark.parametrize("label", ["benign", "malignant"])
def test_a_missing_or_empty_class_folder(data: Path, label: str) -> None:
    for file in (data / label).iterdir():
        file.unlink()
    (data / label / "notes.txt").write_text("no image")
    with pytest.raises(UsageFault, match=f"expected images in {label}/ below the data folder, found none"):
        split(data, {}, 7)
    (data / label / "notes.txt").unlink()
    (data / label).rmdir()
    with pytest.raises(UsageFault, match=f"expected images in {label}/ below the data folder, found none"):
        split(data, {}, 7)


def test_only_pictures_are_samples(data: Path) -> None:
    (data / "benign" / ".DS_Store").write_bytes(b"x")
    (data / "benign" / "UPPER.JPG").write_bytes(b"y")
    (data / "benign" / "browser.jfif").write_bytes(b"z")
    images = {sample.image for sample in split(data, {}, 7)}
    assert {"benign/UPPER.JPG", "benign/browser.jfif"} <= images
    assert "benign/.DS_Store" not in images


def test_the_csv_holds_no_file_names(data: Path) -> None:
    (data / "benign" / "Doe Jane 1970.jpg").write_bytes(b"jane")
    samples = split(data, {}, 7)
    text = split_csv(samples)
    assert "Doe" not in text
    assert ".jpg" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["checksum", "label", "part", "group"]
    label = ("benign", "malignant")
    assert {tuple(row.values()) for row in rows} == {(s.checksum, label[s.label], s.part, s.group) for s in samples}
    assert len(rows) == 121
    assert text == split_csv(reversed(samples))


def write_groups(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "groups.csv"
    path.write_bytes(text.encode())
    return path


AS_A_SPREADSHEET_WRITES_IT = "\ufeffimage,group,note\r\nbenign/1.jpg,1,x\r\nbenign/2.jpg,2,\r\n"


@pytest.mark.parametrize("text", ["group,image\n1,benign/1.jpg\n2,benign/2.jpg\n", AS_A_SPREADSHEET_WRITES_IT])
def test_groups_are_read(tmp_path: Path, text: str) -> None:
    assert read_groups(write_groups(tmp_path, text)) == {"benign/1.jpg": "1", "benign/2.jpg": "2"}


def test_an_image_in_two_groups_is_refused(tmp_path: Path) -> None:
    """Else it would lose one of them, and the copies there could be measured on."""
    path = write_groups(tmp_path, "group,image\n1,a\n1,b\n2,b\n2,c\n3,d\n4,d\n")
    with pytest.raises(UsageFault) as refused:
        read_groups(path)
    assert str(refused.value) == (
        "file of groups: expected one group for each image, received two; make one group of those that share an image:"
        "\n  b: groups 1 and 2\n  d: groups 3 and 4"
    )


def test_a_group_may_be_said_twice_or_left_out(tmp_path: Path) -> None:
    path = write_groups(tmp_path, "group,image\n1,a\n 1 ,a\n,a\n,b\n2,b\n,c\n5,\n6,\n")
    assert read_groups(path) == {"a": "1", "b": "2", "c": "", "": "5"}


def test_no_file_of_groups_is_no_groups() -> None:
    assert read_groups(None) == {}


@pytest.mark.parametrize(
    ("text", "received"),
    [("cluster,image\n1,a\n", "cluster,image"), ("group;picture\n1;a\n", "group,picture"), ("a,b\n", "a,b"),
     ("a,b\n1,2,3\n", "a,b"), ("", "")],
)  # fmt: skip
def test_wrong_columns_say_expected_and_received(tmp_path: Path, text: str, received: str) -> None:
    with pytest.raises(UsageFault) as refused:
        read_groups(write_groups(tmp_path, text))
    assert str(refused.value) == f"file of groups: expected the columns group,image, received {received}"


def test_a_file_of_groups_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"the file of groups cannot be read \(expected CSV in UTF-8\)"):
        read_groups(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"group,image\n1,benign/\xe4.jpg\n")
    with pytest.raises(UsageFault, match="the file of groups cannot be read"):
        read_groups(tmp_path / "latin.csv")


def test_groups_that_name_none_of_the_images_are_refused(data: Path) -> None:
    """Else copies would span the parts without a word."""
    with pytest.raises(UsageFault, match=r"names none of the images, such as benign/0\.jpg"):
        split(data, {"train/benign/1.jpg": "1"}, 7)


def test_groups_are_found_however_a_path_is_written(data: Path, tmp_path: Path) -> None:
    """As `screen model evaluate --groups` finds them: a row that fits nothing would let copies span the parts."""
    text = "group,image\n1,./benign/1.jpg\n1,benign\\2.jpg\n1, benign/3.jpg\n1,benign/4.jpg\n"
    groups = read_groups(write_groups(tmp_path, text))
    assert groups == dict.fromkeys((f"benign/{n}.jpg" for n in range(1, 5)), "1")
    (data / "benign" / r"a\b.jpg").write_bytes(b"a name with a backslash")
    samples = {s.image: s.group for s in split(data, groups | {"benign/a/b.jpg": "1"}, 7)}
    assert len({samples[f"benign/{name}.jpg"] for name in (1, 2, 3, 4, r"a\b")}) == 1


def test_two_ways_to_write_an_image_are_one_image(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="benign/1.jpg: groups 1 and 2"):
        read_groups(write_groups(tmp_path, "group,image\n1,benign/1.jpg\n2,./benign/1.jpg\n"))


def test_rows_that_name_no_image(data: Path) -> None:
    groups = {
        "benign/1.jpg": "1",
        "benign/60.jpg": "1",
        "1.jpg": "2",
        "benign/3.jpg": "2",
        "": "3",
        "elsewhere.jpg": "",
    }
    assert no_images(groups, data) == ["benign/60.jpg", "1.jpg"]
    assert no_images({}, data) == []
    assert len(split(data, groups, 7)) == 120  # there may be rows for images that lie elsewhere
