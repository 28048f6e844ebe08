"""Labels find their images, and whatever does not fit is listed before anything is measured."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.classes import Classes
from models.csv_cells import harmless
from models.errors import UsageFault
from models.evaluation.label_words import Known
from models.evaluation.labels import know, read_rows, strangers, with_groups
from models.evaluation.matching import SHOWN, Target, Targets, listed

SUMS = {name: character * 64 for name, character in (("a", "a"), ("b", "b"), ("c", "c"))}
TARGETS = [
    Target("in/ward/a.jpg", "ward/a.jpg", SUMS["a"]),
    Target("in/ward/b.jpg", "ward/b.jpg", SUMS["b"]),
    Target("in/hall/b.jpg", "hall/b.jpg", SUMS["c"], "/data/ward/../in/hall/b.jpg"),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def known(folder: Path, text: str, targets: list[Target] = TARGETS, subgroup: str | None = None) -> list[Known]:
    rows = read_rows(written(folder, text), subgroup)
    return know(targets, rows, [True] * len(targets), subgroup=subgroup)


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("in/ward/a.jpg", [0]),
        (r".\in\ward\a.jpg", [0]),
        ("ward/b.jpg", [1]),
        ("a.jpg", [0]),
        ("b.jpg", [1, 2]),
        ("C" * 64, [2]),
        ("a", [0]),
        ("b", [1, 2]),
        ("/data/in/hall/b.jpg", [2]),
        ("/in/hall/b.jpg", []),
        ("a.png", []),
        ("d.jpg", []),
        ("", []),
    ],
)
def test_ways_to_name_an_image(key: str, numbers: list[int]) -> None:
    """Also as ISIC does it, without an extension, and by a full path where the folder was typed as a relative one."""
    assert Targets(TARGETS).find(key) == numbers


def test_the_first_way_that_fits_counts() -> None:
    # "b.jpg" as submitted is an image of its own, though another one has this file name
    targets = Targets([Target("b.jpg", "b.jpg", SUMS["a"]), Target("in/b.jpg", "in/b.jpg", SUMS["b"])])
    assert targets.find("b.jpg") == [0]


def test_labels_groups_and_subgroups(tmp_path: Path) -> None:
    text = "image,label,group,site\na.jpg,Malignant,p1,north\nward/b.jpg,0,,\nhall/b.jpg,1,p1,south\n"
    assert known(tmp_path, text, subgroup="site") == [
        Known(1, "p1", "north"), Known(0, "", "(not given)"), Known(1, "p1", "south"),
    ]  # fmt: skip


def test_every_image_is_of_a_subgroup_where_one_asks_for_them(tmp_path: Path) -> None:
    """Else the subgroups would not add up: images that no row names are of one, too."""
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"]), Target("d/malignant/b.jpg", "malignant/b.jpg", "b")]
    text = "image,site\na.jpg,north\n"
    assert known(tmp_path, text, targets, "site") == [Known(0, "", "north"), Known(1, "", "(not given)")]
    assert known(tmp_path, "image,site\n", targets, "site") == [Known(n, "", "(not given)") for n in (0, 1)]
    assert [item.subgroup for item in known(tmp_path, "image,group\na.jpg,1\n", targets)] == ["", ""]


def test_images_as_report_csv_writes_them(tmp_path: Path) -> None:
    """Labels are often added to a report, whose cells no spreadsheet runs as a formula."""
    names = ["/in/scan;-1.jpg", "=1.jpg", "'+2.jpg"]
    targets = [Target(name, name, name * 9) for name in names]
    text = io.StringIO()
    csv.writer(text).writerows([("image", "label"), *((harmless(name), 1) for name in names)])
    assert "scan;'-1.jpg" in text.getvalue()
    assert known(tmp_path, text.getvalue(), targets) == [Known(1)] * 3


def test_words_of_spreadsheets_and_programs(tmp_path: Path) -> None:
    text = "image,label\na.jpg,{}\nward/b.jpg,{}\nhall/b.jpg,0\n"
    for one, none in (("1.0", "0.0"), ("True", "False"), ("TRUE", "false")):
        assert [item.label for item in known(tmp_path, text.format(one, none))] == [1, 0, 0]
    rows = read_rows(written(tmp_path, text.format("True", "False")))
    found = know(TARGETS, rows, [True] * 3, malignant=["true"])
    assert found == [Known(1, class_name="true"), Known(0), Known(0)]
    targets = [Target("d/true/a.jpg", "true/a.jpg", SUMS["a"])]
    with pytest.raises(UsageFault, match="d/true/a.jpg: no label"):  # a folder may be called so for what is true of it
        know(targets, None, [True])


def test_semicolons_of_a_spreadsheet(tmp_path: Path) -> None:
    assert [item.label for item in known(tmp_path, "image;label\na.jpg;1\nward/b.jpg;0\nhall/b.jpg;benign\n")] == [
        1,
        0,
        0,
    ]


@pytest.mark.parametrize(
    "head", ["image, label, group, site", "Image,LABEL,Group,Site ", '"image", "label", "group", "site"']
)
def test_columns_are_named_in_any_capitals_and_blanks(tmp_path: Path, head: str) -> None:
    """Else the folder's label counts and the groups are lost, without a word."""
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"])]
    text = f'{head}\nbenign/a.jpg, benign, "p1", north\n'
    assert known(tmp_path, text, targets, "SITE") == [Known(0, "p1", "north")]
    with pytest.raises(UsageFault, match="label malignant, but it lies in the folder benign/"):
        known(tmp_path, text.replace(" benign,", " malignant,"), targets, "site")


@pytest.mark.parametrize(
    "head",
    [
        "filename,target,site",
        "image_name\ttarget\tsite",
        "Image_ID,benign_malignant,site",
        "target,filename,image,label,site",
    ],
)
def test_columns_as_other_collections_call_them(tmp_path: Path, head: str) -> None:
    """ISIC's, and those of tables that other programs write; what is called as here counts first."""
    said = {"image": "a", "image_name": "a", "image_id": "a", "filename": "a", "label": "1", "target": "1", "site": "N"}
    cells = [(said | {"benign_malignant": "malignant"})[name.strip().lower()] for name in re.split("[,\t]", head)]
    if "label" in head:
        cells[:2] = ["0", "b"]
    text = f"{head}\n{(chr(9) if chr(9) in head else ',').join(cells)}\n"
    assert known(tmp_path, text, TARGETS[:1], "site") == [Known(1, "", "N")]


def test_a_column_that_is_a_subgroup_is_no_label(tmp_path: Path) -> None:
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"])]
    assert known(tmp_path, "image,target\na.jpg,mole\n", targets, "target") == [Known(0, "", "mole")]


def test_columns_that_are_not_used_are_told(tmp_path: Path) -> None:
    told: list[Sequence[str]] = []
    path = written(tmp_path, "Image,label,Skin type,,group,sex\na.jpg,1,I,,p,f\n")
    read_rows(path, "sex", told.append)
    read_rows(path, None, told.append)
    assert told == [["Skin type"], ["Skin type", "sex"]]
    read_rows(written(tmp_path, "image,label\na.jpg,1\n"), None, told.append)
    assert len(told) == 2


def test_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="expected one column 'label', received image,label,Label"):
        known(tmp_path, "image,label,Label\na.jpg,0,1\n")


def test_a_csv_of_which_nothing_would_be_used(tmp_path: Path) -> None:
    text = "image,diagnosis\na.jpg,melanoma\nward/b.jpg,nevus\nhall/b.jpg,nevus\n"
    with pytest.raises(UsageFault, match="expected a column 'label' or 'group', .* received image,diagnosis"):
        read_rows(written(tmp_path, text))
    assert read_rows(written(tmp_path, text), "diagnosis")[0].subgroup == "melanoma"


def test_everything_that_does_not_fit_is_listed(tmp_path: Path) -> None:
    text = "image,label\nb.jpg,0\nward/a.jpg,maybe\nnone.jpg,1\nhall/b.jpg,1\nin/hall/b.jpg,1\n"
    with pytest.raises(UsageFault) as caught:
        known(tmp_path, text)
    said = str(caught.value)
    for fault in (
        "line 2: b.jpg: ambiguous, 2 images are called so",
        "line 3: ward/a.jpg: label 'maybe': expected benign or malignant, or 0 or 1",
        "line 4: none.jpg: no such image",
        "line 6: in/hall/b.jpg: the same image as line 5",
        "in/ward/a.jpg: no label",
        "in/ward/b.jpg: no label",
    ):
        assert fault in said
    assert "(6 faults" in said


def test_a_table_may_name_more_images_than_are_here(tmp_path: Path) -> None:
    """As that of a whole collection; but where an image has no label, one of those rows may be a slip in its name."""
    text = "image,label\nin/ward/a.jpg,1\nelsewhere.jpg,?\nin/ward/b.jpg,0\nin/hall/b.jpg,0\n"
    assert [item.label for item in known(tmp_path, text)] == [1, 0, 0]
    assert strangers(TARGETS, read_rows(written(tmp_path, text))) == ["line 3: elsewhere.jpg: no such image"]
    with pytest.raises(UsageFault, match=r"\(3 faults(.|\n)*line 3: elsewhere.jpg: no such(.|\n)*hall/b.jpg: no label"):
        known(tmp_path, text.replace("in/hall", "in/hal"))
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"])]
    with pytest.raises(UsageFault, match=r"\(1 fault;(.|\n)*line 2: x.jpg: no such image$"):
        known(tmp_path, "image,group\nx.jpg,1\n", targets)


def test_a_name_steers_no_terminal() -> None:
    assert listed(["a\nb\x1b[2K.jpg: no label"]) == "\n  a\\nb\\x1b[2K.jpg: no label"


def test_long_lists_are_cut_and_counted(tmp_path: Path) -> None:
    rows = "".join(f"none{n}.jpg,1\n" for n in range(SHOWN + 5))
    with pytest.raises(UsageFault, match="and 8 more"):
        known(tmp_path, "image,label\n" + rows)


def test_what_cannot_be_screened_needs_no_label() -> None:
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"]), Target("d/notes.txt", "notes.txt", SUMS["b"])]
    assert know(targets, None, [True, False]) == [Known(0), Known(None)]
    with pytest.raises(UsageFault, match=r"d/notes.txt: no label"):
        know(targets, None, [True, True])


def test_folders_are_labels(tmp_path: Path) -> None:
    targets = [
        Target("d/malignant/ward/a.jpg", "malignant/ward/a.jpg", SUMS["a"]),
        Target("d/benign/b.jpg", "benign/b.jpg", SUMS["b"]),
    ]
    assert [item.label for item in know(targets, None, [True, True])] == [1, 0]
    # a CSV without labels adds to them
    assert known(tmp_path, "image,group\na.jpg,p1\n", targets) == [Known(1, "p1"), Known(0)]
    with pytest.raises(UsageFault, match="label benign, but it lies in the folder malignant/"):
        known(tmp_path, "image,label\na.jpg,benign\n", targets)


def test_the_same_bytes_have_one_label() -> None:
    targets = [
        Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"]),
        Target("d/malignant/b.jpg", "malignant/b.jpg", SUMS["a"]),
    ]
    with pytest.raises(UsageFault, match=r"d/malignant/b.jpg: labelled malignant, the same bytes as d/benign/a.jpg"):
        know(targets, None, [True, False])


def test_a_name_of_copies_is_not_ambiguous(tmp_path: Path) -> None:
    targets = [Target("x/a.jpg", "x/a.jpg", SUMS["a"]), Target("y/a.jpg", "y/a.jpg", SUMS["a"])]
    assert known(tmp_path, "image,label\na.jpg,1\n", targets) == [Known(1), Known(1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.jpg,1\n", "expected a column 'image', received file,label"),
        ("image,label\na.jpg,1\n", "expected a column 'site', received image,label"),
        ("", "received none"),
    ],
)
def test_columns_that_are_missing(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        read_rows(written(tmp_path, text), "site")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageFault, match=r"cannot be read \(expected CSV in UTF-8\)"):
        read_rows(tmp_path / "labels.csv")


def test_groups_of_a_csv(tmp_path: Path) -> None:
    before = [Known(1, "old"), Known(0, "old"), Known(0)]
    # it may name images that are not here
    path = written(tmp_path, "group,image\n7,ward/a.jpg\n7,hall/b.jpg\n8,elsewhere.jpg\n")
    assert with_groups(TARGETS, before, path) == [Known(1, "7"), Known(0), Known(0, "7")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("group,image\n7,b.jpg\n", "b.jpg: 2 images are called so"),
        ("group,image\n7,x.jpg\n", "names none of the 3 images"),
        ("group,image\n7,ward/a.jpg\n8,ward/a.jpg\n", "ward/a.jpg: groups 7 and 8"),
        ("group,image\n7,ward/a.jpg\n8,a.jpg\n", "a.jpg: group 8, and group 7 by another of its names"),
    ],
)
def test_groups_that_do_not_fit(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        with_groups(TARGETS, [Known()] * 3, written(tmp_path, text))


THREE = Classes(("bkl", "mel", "nv"), ("mel",))


def test_classes_are_labels(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "image,label\na.jpg,MEL\nward/b.jpg,nv\nhall/b.jpg,benign\n"))
    assert know(TARGETS, rows, [True] * 3, THREE) == [Known(1, class_name="mel"), Known(0, class_name="nv"), Known(0)]
    with pytest.raises(UsageFault, match="label 'MEL': expected benign or malignant, or 0 or 1"):
        know(TARGETS, rows, [True] * 3)


def test_a_class_may_say_more_than_its_folder_but_nothing_else(tmp_path: Path) -> None:
    targets = [Target("d/benign/a.jpg", "benign/a.jpg", SUMS["a"]), Target("d/nv/b.jpg", "nv/b.jpg", SUMS["b"])]
    rows = read_rows(written(tmp_path, "image,label\na.jpg,bkl\nb.jpg,benign\n"))
    assert know(targets, rows, [True] * 2, THREE) == [Known(0, class_name="bkl"), Known(0, class_name="nv")]
    rows = read_rows(written(tmp_path, "image,label\na.jpg,mel\nb.jpg,bkl\n"))
    with pytest.raises(UsageFault) as caught:
        know(targets, rows, [True] * 2, THREE)
    assert "a.jpg: label mel, but it lies in the folder benign/" in str(caught.value)
    assert "b.jpg: label bkl, but it lies in the folder nv/" in str(caught.value)


def test_the_same_bytes_are_of_one_class() -> None:
    targets = [Target("d/nv/a.jpg", "nv/a.jpg", SUMS["a"]), Target("d/bkl/b.jpg", "bkl/b.jpg", SUMS["a"])]
    with pytest.raises(UsageFault, match=r"d/bkl/b.jpg: labelled bkl, the same bytes as d/nv/a.jpg \(nv\)"):
        know(targets, None, [True, True], THREE)


DIAGNOSES = [
    Target("d/Nevus/a.jpg", "Nevus/a.jpg", SUMS["a"]),
    Target("d/melanoma/b.jpg", "melanoma/b.jpg", SUMS["b"]),
    Target("d/benign/c.jpg", "benign/c.jpg", SUMS["c"]),
]


def test_names_that_are_no_classes_of_the_model_version() -> None:
    with pytest.raises(UsageFault, match="labels with other names need --malignant"):
        know(DIAGNOSES, None, [True] * 3)
    assert know(DIAGNOSES, None, [True] * 3, malignant=["Melanoma"]) == [
        Known(0, class_name="Nevus"), Known(1, class_name="Melanoma"), Known(0),
    ]  # fmt: skip
    # of a version with several classes, whose own names keep their meaning
    targets = [*DIAGNOSES[:2], Target("d/bkl/d.jpg", "bkl/d.jpg", "d" * 64)]
    assert [item.word for item in know(targets, None, [True] * 3, THREE, ["melanoma"])] == ["Nevus", "melanoma", "bkl"]


@pytest.mark.parametrize(
    ("malignant", "message"),
    [
        (["melanoma", "bcc"], "--malignant bcc: no image is labelled so"),
        (["melanoma", "Benign"], "--malignant Benign: expected a name that does not count as benign already"),
        (["nv"], "--malignant nv: expected a name that does not count as benign already"),
    ],
)
def test_a_slip_in_what_counts_as_malignant_is_not_taken_for_benign(malignant: list[str], message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        know(DIAGNOSES, None, [True] * 3, THREE, malignant)


def test_where_rows_say_the_label_a_folder_is_just_a_place(tmp_path: Path) -> None:
    targets = [Target("d/ward/a.jpg", "ward/a.jpg", SUMS["a"]), Target("d/hall/b.jpg", "hall/b.jpg", SUMS["b"])]
    rows = read_rows(written(tmp_path, "image,label\na.jpg,bcc\nb.jpg,NV\n"))
    assert know(targets, rows, [True] * 2, malignant=["bcc"]) == [Known(1, class_name="bcc"), Known(0, class_name="NV")]
    # neither a number nor nothing is the name of a class
    rows = read_rows(written(tmp_path, "image,label\na.jpg,bcc\nb.jpg,2\n"))
    with pytest.raises(UsageFault, match="label '2': expected bcc, or benign or malignant, or any other name"):
        know(targets, rows, [True] * 2, malignant=["bcc"])


def test_a_folder_called_by_a_number_is_just_a_place(tmp_path: Path) -> None:
    """0 and 1 are labels in the column `label`: a folder may be called so for a patient, a round or a fold."""
    targets = [Target("d/1/a.jpg", "1/a.jpg", SUMS["a"]), Target("d/0/b.jpg", "0/b.jpg", SUMS["b"])]
    with pytest.raises(UsageFault, match=r"d/1/a.jpg: no label\n.*d/0/b.jpg: no label"):
        know(targets, None, [True] * 2)
    assert known(tmp_path, "image,label\na.jpg,benign\nb.jpg,1\n", targets) == [Known(0), Known(1)]


def test_a_folder_called_by_a_number_that_somebody_gave_a_meaning() -> None:
    targets = [Target("d/1/a.jpg", "1/a.jpg", SUMS["a"]), Target("d/benign/b.jpg", "benign/b.jpg", SUMS["b"])]
    assert know(targets, None, [True] * 2, malignant=["1"]) == [Known(1, class_name="1"), Known(0)]
    assert know(targets, None, [True] * 2, Classes(("0", "1"), ("0",))) == [Known(0, class_name="1"), Known(0)]
    folds = [Target("d/mel/a.jpg", "mel/a.jpg", SUMS["a"]), Target("d/0/b.jpg", "0/b.jpg", SUMS["b"])]
    assert know(folds, None, [True] * 2, malignant=["mel"]) == [Known(1, class_name="mel"), Known(0)]
    with pytest.raises(UsageFault, match="--malignant 0: expected a name that does not count as benign already"):
        know(targets, None, [True] * 2, malignant=["0"])
