"""`screen model check-data`: a summary for people, one object for programs, a CSV for training, a page to look at."""

import json
from pathlib import Path

import pytest

from cli.drawn_lesions import draw_lesion
from cli.finding_copies import find_copies
from cli.main import run
from models.training.cues import CUES

IMAGES = 12


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for number, label in enumerate(("benign", "malignant")):
        (tmp_path / "data" / label).mkdir(parents=True)
        for n in range(IMAGES):
            picture = draw_lesion(n + 100 * number, width=96, height=96, field=label == "malignant")
            picture.save(tmp_path / "data" / label / f"{n}.jpg", quality=90)
    draw_lesion(2, width=96, height=96).save(tmp_path / "data" / "benign" / "<copy>.png")
    return tmp_path / "data"


def test_people_get_a_summary(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "check-data", str(data)]) == 0
    shown = capsys.readouterr()
    assert "benign\t13\t52.0 %\t0.0 %\t0\t96 x 96 (13)\tJPEG (12), PNG (1)" in shown.out
    assert "near-duplicates: 2 images in 1 groups; 0 of them exact copies" in shown.out
    assert "WARNING: dark corners: 100.0 % of malignant and 0.0 % of the others have it; ROC-AUC 1.000" in shown.out
    assert shown.out.endswith("sound: every file can be read, no labels conflict\n")
    assert "Reading, files: 25 of 25" in shown.err
    assert "Comparing, blocks: 1 of 1" in shown.err


def test_unreadable_files_and_conflicts_end_with_exit_code_1(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "benign" / "broken.jpg").write_bytes(b"")
    (data / "malignant" / "2 again.png").write_bytes((data / "benign" / "<copy>.png").read_bytes())
    assert run(["model", "check-data", str(data)]) == 1
    out = capsys.readouterr().out
    assert "1 unreadable:\n  benign/broken.jpg: empty: the file has 0 bytes\n" in out
    assert "1 label conflicts:\n  benign/2.jpg, benign/<copy>.png, malignant/2 again.png\n" in out
    assert out.endswith("not sound: see above\n")


def test_a_name_steers_no_terminal(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "benign" / "1\nsound\x1b[2K.jpg").write_bytes(b"")
    assert run(["model", "check-data", str(data)]) == 1
    assert "1 unreadable:\n  benign/1\\nsound\\x1b[2K.jpg: empty: the file has 0 bytes\n" in capsys.readouterr().out


def test_long_lists_are_cut(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(25):
        (data / "benign" / f"broken {n}.jpg").write_bytes(b"")
    assert run(["model", "check-data", str(data)]) == 1
    out = capsys.readouterr().out
    assert out.count("the file has 0 bytes") == 20
    assert "  and 5 more: --json has all\n" in out


def test_json_is_one_object(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "check-data", str(data), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sound"], found["images"]) == (True, 25)
    members = [["benign/2.jpg", "benign/<copy>.png"]]
    assert found["near_duplicates"] == {"groups": 1, "images": 2, "exact_copies": 0, "members": members}
    assert [item["cue"] for item in found["shortcuts"]] == list(CUES)
    assert found["shortcuts"][0]["warned"] is True
    assert found["classes"][1]["dark_corners"] == 1.0


def test_the_groups_and_the_page(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv, page = tmp_path / "groups.csv", tmp_path / "page.html"
    arguments = ["model", "check-data", str(data), "--groups-output", str(csv), "--output", str(page)]
    assert run(arguments) == 0
    assert csv.read_text(encoding="utf-8") == "group,image\n1,benign/2.jpg\n1,benign/<copy>.png\n"
    html = page.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 2
    assert "benign/&lt;copy&gt;.png" in html
    assert "<copy>" not in html
    assert "Warning: dark corners" in html
    assert "1 groups of near-duplicates written" in capsys.readouterr().err


def test_training_finds_the_same_groups(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = tmp_path / "run" / "near_duplicates.csv"
    find_copies(data, groups, ("benign", "malignant"))
    assert groups.read_text(encoding="utf-8") == "group,image\n1,benign/2.jpg\n1,benign/<copy>.png\n"
    assert "Warning" not in capsys.readouterr().err


def test_training_tells_of_label_conflicts(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of those among the classes that it trains on."""
    (data / "passed over").mkdir()
    for copy in ("malignant/2 again.png", "passed over/2.png"):
        (data / copy).write_bytes((data / "benign" / "<copy>.png").read_bytes())
    typed = ["model", "train", "--data", str(data), "--output", str(tmp_path / "out"), "--architecture", "thompson"]
    (data / "benign" / "broken.jpg").write_bytes(b"")  # so that nothing is trained
    assert run(typed) == 2
    told = "Warning: 1 of them have copies in more than one class folder (label conflicts) and are trained on"
    assert told in " ".join(capsys.readouterr().err.split())
    (data / "malignant" / "2 again.png").unlink()
    assert run(typed) == 2
    assert "label conflicts" not in capsys.readouterr().err


def test_a_folder_without_pictures_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "check-data", str(tmp_path)]) == 2
    assert "expected one folder a class" in capsys.readouterr().err


def test_one_class_alone_is_not_sound(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "malignant").rename(tmp_path / "elsewhere")
    assert run(["model", "check-data", str(data), "--output", str(tmp_path / "page.html")]) == 1
    assert "one class alone, benign: expected a folder for each of two or more" in capsys.readouterr().out
    assert "Not sound.</b> one class alone, benign" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--output", "--groups-output"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    data: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = data / "benign" / "0.jpg" / "found"
    assert run(["model", "check-data", str(data), option, str(place)]) == 2
    shown = capsys.readouterr()
    assert f"cannot be written to {place}" in shown.err
    assert "Reading" not in shown.err


@pytest.mark.parametrize("command", ["check-data", "evaluate"])
@pytest.mark.parametrize("name", ["found.json", "found.CSV"])
def test_a_page_is_written_under_no_name_that_promises_another_format(
    data: Path, tmp_path: Path, command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model", command, str(data), "--output", str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert f"expected a name such as found.html, received {name}; for programs" in " ".join(shown.err.split())
    assert "Reading" not in shown.err
    assert not (tmp_path / name).exists()
