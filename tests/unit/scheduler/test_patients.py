"""A manifest says of whom each image is; what does not fit is said before anything is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.errors import UsageFault
from scheduler.collect import Collection
from scheduler.patients import LONGEST_PSEUDONYM, Patients, Subject, read_manifest


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def patients(folder: Path, text: str, *names: str) -> Patients:
    ward = folder / "ward"
    for name in names:
        (ward / name).parent.mkdir(parents=True, exist_ok=True)
        (ward / name).write_bytes(b"x")
    return Patients(read_manifest(manifest(folder, text)), Collection([str(ward)]), [f"{ward}/"])


@pytest.mark.parametrize(
    "text",
    [
        "image,patient,lesion\na.jpg,p1,l1\nb.jpg,p2,\n",
        "\ufeffimage;lesion;patient\r\na.jpg;l1;p1\r\nb.jpg;;p2\r\n",
        'patient , image, lesion,remark\np1," a.jpg",l1,x\np2,b.jpg,,\n',
    ],
)
def test_commas_semicolons_and_byte_order_marks(tmp_path: Path, text: str) -> None:
    found = [(row.image, row.patient, row.lesion) for row in read_manifest(manifest(tmp_path, text))]
    assert found == [("a.jpg", "p1", "l1"), ("b.jpg", "p2", None)]


def test_a_row_means_an_image_by_path_or_by_name(tmp_path: Path) -> None:
    text = f"image,patient\n{tmp_path}/ward/a.jpg,p1\nmonday\\b.jpg,p2\nc.jpg,p3\n./d.jpg,p4\n"
    found = patients(tmp_path, text, "a.jpg", "monday/a.jpg", "monday/b.jpg", "tuesday/c.jpg", "d.jpg", "tuesday/d.jpg")
    named = {name: found.of(f"{tmp_path}/ward/{name}") for name in ("a.jpg", "monday/b.jpg", "tuesday/c.jpg", "d.jpg")}
    assert [subject and subject.patient for subject in named.values()] == ["p1", "p2", "p3", "p4"]
    assert found.unlisted == 0
    assert found.of(f"{tmp_path}/ward/tuesday/d.jpg") is None
    assert (found.unlisted, found.files) == (1, 6)


def test_the_lesion_is_the_patients(tmp_path: Path) -> None:
    found = patients(tmp_path, "image,patient,lesion\na.jpg,p1,left arm\n", "a.jpg")
    assert found.of(f"{tmp_path}/ward/a.jpg") == Subject("p1", "left arm")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("c.jpg,p1", "line 2: c.jpg: no such image"),
        ("a.jpg,p1\na.jpg,p1", "line 3: a.jpg: the same image as line 2"),
        ("a.jpg,p1\n./a.jpg,p2", "line 3: ./a.jpg: the same image as line 2"),
        ("b.jpg,p1", "line 2: b.jpg: ambiguous, 2 images are called so; give their paths"),
    ],
)
def test_what_does_not_fit_the_images_is_listed(tmp_path: Path, lines: str, fault: str) -> None:
    with pytest.raises(UsageFault, match=f"^the manifest does not fit the images.*{re.escape(fault)}(?s:.*)"):
        try:
            patients(tmp_path, f"image,patient\n{lines}\n", "a.jpg", "monday/b.jpg", "tuesday/b.jpg")
        except UsageFault as error:
            raise UsageFault(str(error).replace("\n", " ")) from None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image\na.jpg\n", "needs the columns image and patient"),
        ("", "received none"),
        (b"image,patient\n\xff\xfe,p\n", "cannot be read (expected CSV in UTF-8)"),
        ("image,patient\na.jpg,\n", "line 2: a.jpg: expected a pseudonym"),
        ("image,patient\n,p1\n", "line 2: (no image): expected a path"),
        (f"image,patient\na.jpg,{'x' * (LONGEST_PSEUDONYM + 1)}\n", "has 101 characters: expected at most 100"),
        ("image,patient,lesion\na.jpg,p1,l\x07\n", "the lesion has characters that cannot be shown"),
        ("image,patient\na.jpg,p\u202e1\n", "the patient has characters that cannot be shown"),
        ("image,patient\na.jpg,p1,x\n", "more cells than columns"),
        (f"image,patient\na.jpg,{'x' * 200_000}\n", "field larger than field limit"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str | bytes, fault: str) -> None:
    with pytest.raises(UsageFault) as error:
        read_manifest(manifest(tmp_path, text))
    assert fault in str(error.value)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="^the manifest cannot be read .*No such file"):
        read_manifest(tmp_path / "gone.csv")
