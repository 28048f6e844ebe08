"""`screen model evaluate` with the shipped model: on a folder, and on a batch of the same images."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cli.drawn_lesions import draw_lesion
from models.catalogue import DEFAULT_MODEL

IMAGES = 12  # of each class


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """benign/ and malignant/, a copy, a broken picture and a text."""
    made = tmp_path_factory.mktemp("evaluated") / "lesions"
    for malignant, label in enumerate(("benign", "malignant")):
        (made / label).mkdir(parents=True)
        for n in range(IMAGES):
            drawn = draw_lesion(n + 100 * malignant, width=200, height=160, malignant=bool(malignant), hairs=n % 3 == 0)
            drawn.save(made / label / f"{n}.jpg", quality=90)
    sound = (made / "benign" / "0.jpg").read_bytes()
    (made / "benign" / "copy.jpg").write_bytes(sound)
    (made / "malignant" / "broken.jpg").write_bytes(sound[:2000])
    (made / "notes.txt").write_text("patient list")
    return made


@pytest.fixture(scope="module")
def labels(folder: Path) -> Path:
    path = folder.parent / "labels.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "site", "group"])
        for number, image in enumerate(sorted(folder.glob("*/*.jpg"))):
            writer.writerow([f"{image.parent.name}/{image.name}", image.parent.name, "NS"[number % 2], number // 2])
    return path


@pytest.fixture(scope="module")
def of_folder(module_site: Any, folder: Path) -> Any:
    done = module_site.screen(
        "model", "evaluate", "lesions", "--json", "--output", "out.html", "--prevalence", "0.03", cwd=folder.parent
    )
    assert done.returncode == 1, done.stderr  # some images were rejected
    return done, json.loads(done.stdout)


def test_a_folder(of_folder: Any, folder: Path) -> None:
    done, found = of_folder
    assert "oneDNN" not in done.stderr  # TensorFlow's own talk, see models.networks.quiet
    assert "absl" not in done.stderr
    assert found["source"] == {
        "kind": "folder", "name": "lesions", "received": 27, "screened": 24, "duplicate": 1, "rejected": 2, "failed": 0,
        "erased": 0,
    }  # fmt: skip
    assert (found["model"]["name"], found["operating_point"]) == (DEFAULT_MODEL, "sensitivity-95")
    assert found["parts_of_the_split"] == {"not_in_split": 24}
    everything = found["all"]
    assert (everything["images"], everything["malignant"], found["held_back"]) == (24, 12, None)
    assert set(everything["operating_points"]) == {"f1", "sensitivity-90", "sensitivity-95", "sensitivity-98"}
    values = everything["operating_points"]["sensitivity-95"]["predictive_values"]
    assert [(value["prevalence"], value["observed"]) for value in values] == [(0.03, False), (0.5, True)]
    assert [(item["image"], item["label"]) for item in found["unscored"]] == [
        ("lesions/malignant/broken.jpg", "malignant"), ("lesions/notes.txt", None),
    ]  # fmt: skip
    assert "2 images could not be scored, 1 of them known as malignant" in done.stderr
    assert "rejected: lesions/notes.txt: not an image" in done.stderr
    assert "not a medical device" in done.stderr
    assert "Traceback" not in done.stderr
    assert f"Evaluation of {DEFAULT_MODEL}" in (folder.parent / "out.html").read_text(encoding="utf-8")


def test_a_batch_of_the_same_images_says_the_same(module_site: Any, of_folder: Any, folder: Path, labels: Path) -> None:
    counts = module_site.json("submit", folder, "--wait", "--json")
    assert counts["screened"] == 24
    batch = counts["batch"]
    done = module_site.screen(
        "model", "evaluate", batch, "--labels", labels, "--subgroup", "site", "--json", "--prevalence", "0.03"
    )
    assert done.returncode == 1, done.stderr
    found, before = json.loads(done.stdout), of_folder[1]
    assert found["source"]["kind"] == "batch"
    assert found["operating_point"] == "sensitivity-95"
    assert found["method"]["groups_from"] == "the labels"
    assert found["all"]["roc_auc"]["value"] == pytest.approx(before["all"]["roc_auc"]["value"], abs=0.02)
    # one network call may take other images together, which moves the last decimals
    assert found["all"]["calibration"]["brier"]["value"] == pytest.approx(
        before["all"]["calibration"]["brier"]["value"], abs=1e-4
    )
    assert {name: item["images"] for name, item in found["subgroups"].items()} == {"N": 12, "S": 12}
    assert sum(item["malignant"] for item in found["subgroups"].values()) == 12
    other = module_site.screen("model", "evaluate", batch, "--labels", labels, "--model", "other-1")
    assert other.returncode == 2
    assert f"was screened with {DEFAULT_MODEL}, not with other-1" in other.stderr


def test_labels_that_do_not_fit_cost_no_screening(module_site: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,label\nbenign/0.jpg,malignant\n1.jpg,1\nnone.jpg,1\n", encoding="utf-8")
    done = module_site.screen("model", "evaluate", folder, "--labels", tmp_path / "labels.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 2: benign/0.jpg: label malignant, but it lies in the folder benign/" in done.stderr
    assert "line 3: 1.jpg: ambiguous, 2 images are called so" in done.stderr
    assert "line 4: none.jpg: no such image" in done.stderr
    assert "Screening" not in done.stderr


def test_usage(module_site: Any, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (["no-such-thing"], "is neither a folder nor a batch"),
        ([folder / "notes.txt"], "expected a folder or a batch, received a file"),
        ([tmp_path / "empty"], "there is no image in"),
        ([folder, "--operating-point", "best"], "expected one of f1, sensitivity-90"),
        ([folder, "--subgroup", "site"], "needs --labels"),
        ([folder, "--prevalence", "5"], "0<x<1"),
    ):
        done = module_site.screen("model", "evaluate", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert message in done.stderr
    unknown = module_site.screen("model", "evaluate", folder, "--model", "gone-9")
    assert unknown.returncode == 4


def test_without_the_extra_it_is_named(module_site: Any, folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError('gone', name='sklearn')\n")
    import os

    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = replace(module_site, extra={"PYTHONPATH": path}).screen("model", "evaluate", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs the extra train (missing: sklearn)" in done.stderr
