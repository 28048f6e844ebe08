"""Three classes from the folder to the report: trained, registered, screened, reported, measured and explained."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from cli.class_names import class_names
from cli.commands.model.train import command as train_command
from cli.main import run
from models.manifest import Manifest
from models.networks.loaded import load
from models.preprocessing import prepare
from models.training.class_folders import class_folders
from models.training.fit import train
from models.training.order import Order
from models.training.presets import PRESETS
from models.version import open_version
from storage import batches
from storage.batch_writer import Received
from storage.database import Database
from storage.schema import AuditEvent, Chunk, Prediction
from worker.networks import Networks
from worker.runner import Runner

NAMES = ["brown", "green", "violet"]
NAME = "colours-1"


class _Silent:
    def step(self, *_: Any) -> None: ...

    def epoch(self, *_: Any) -> None: ...


@pytest.fixture(scope="session")
def trained(coloured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thompson's recipe at 16 pixels tells three colours apart in seconds: no moving averages have to settle."""
    quick = replace(PRESETS["thompson"], input_size=16, batch_size=16, epochs=12, learning_rate=0.005, stop_patience=12)
    folder = tmp_path_factory.mktemp("runs") / NAME
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "thompson", quick)
        order = Order("thompson", coloured, folder, NAME, malignant=("violet", "green"))
        return train(order, _Silent())


@pytest.fixture
def installed(trained: Path, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    assert run(["model", "register", str(trained)]) == 0
    monkeypatch.setenv("DERMSCREEN_MODEL", NAME)
    return open_version(trained).manifest


def pictures_of(coloured: Path, number: int = 3) -> list[Path]:
    return [coloured / name / f"{name}{n}.jpg" for name in NAMES for n in range(number)]


@pytest.fixture
def batch(
    installed: Manifest, settings: Any, sqlite_database: Database, coloured: Path, received: Callable[..., Any]
) -> str:
    """Three pictures of each class, screened by the worker's own code and the real network."""
    from models.checksum import sha256_hex

    found = [
        Received(path.name, str(path), sha256_hex(path.read_bytes()), path.stat().st_size)
        for path in pictures_of(coloured)
    ]
    with sqlite_database.write() as session:
        batch_id = batches.create(session, batches.Header("submit", "nurse", installed), found)
        (chunk_id,) = session.scalars(select(Chunk.id)).all()
    assert Runner(sqlite_database, Networks(settings.home), "tester").run(chunk_id) == "done"
    return batch_id


def test_the_manifest_says_which_classes_and_measures_each(trained: Path) -> None:
    raw = json.loads((trained / "manifest.json").read_text())
    assert (raw["classes"], raw["malignant"], raw["labels"]) == (NAMES, ["green", "violet"], ["benign", "malignant"])
    manifest = open_version(trained).manifest
    assert manifest.classes.units == 3
    measured = raw["class_metrics"]["test"]
    assert measured["confusion"]["names"] == NAMES
    assert np.sum(measured["confusion"]["images"]) == measured["images"] == raw["training"]["images"]["test"]
    # colours this different are told apart; a head that mixed up its outputs would not
    assert measured["accuracy"]["value"] > 0.9
    assert manifest.metrics["test"]["roc_auc"] > 0.95
    with (trained / "split.csv").open(newline="") as file:
        assert {row["label"] for row in csv.DictReader(file)} == set(NAMES)


def test_the_manifest_describes_the_data_class_by_class(trained: Path, coloured: Path) -> None:
    found = json.loads((trained / "manifest.json").read_text())["data"]["found"]["classes"]
    assert {name: row["images"] for name, row in found.items()} == {
        name: len(list((coloured / name).iterdir())) for name in NAMES
    }


def test_the_card_names_the_classes_and_how_to_train_them(
    installed: Manifest, coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The command of the card, read as `screen model train` reads it, asks for these classes of this folder."""
    capsys.readouterr()
    assert run(["model", "card", NAME]) == 0
    card = capsys.readouterr().out
    by_class = installed.raw["class_metrics"]["test"]["by_class"]
    for name in NAMES:
        counts_as = "malignant" if name in installed.classes.malignant else "benign"
        assert f"| {name} | {counts_as} | {by_class[name]['images']} | " in card
        assert f"| {name} | {installed.raw['data']['found']['classes'][name]['images']} | " in card
    (tmp_path / "lesions").symlink_to(coloured)
    monkeypatch.chdir(tmp_path)
    (said,) = (line for line in card.splitlines() if "`screen model train " in line)
    params = train_command.make_context("train", shlex.split(said.split("`")[1])[3:]).params
    assert class_folders(params["data"], class_names(params["malignant"])) == installed.classes
    assert (params["folder"], params["seed"]) == (Path(NAME), installed.training["seed"])


def test_the_probability_of_malignant_is_the_sum(trained: Path, coloured: Path) -> None:
    network = load(open_version(trained))
    pictures = np.stack([prepare(path.read_bytes(), ".jpg", "square-1", 16) for path in pictures_of(coloured)])
    said = network.answers(pictures)
    assert said.of_classes is not None
    assert said.of_classes.sum(axis=1) == pytest.approx(np.ones(9))
    assert said.malignant == pytest.approx(said.of_classes[:, 1:].sum(axis=1))
    assert network.answers(pictures).malignant == pytest.approx(said.malignant)


def test_what_is_stored(batch: str, sqlite_database: Database) -> None:
    with sqlite_database.read() as session:
        rows = session.scalars(select(Prediction)).all()
        events = session.scalars(select(AuditEvent.body).where(AuditEvent.event == "image.decided")).all()
    assert len(rows) == len(events) == 9
    for row in rows:
        said = json.loads(row.classes or "")
        assert list(said) == NAMES
        assert sum(said.values()) == pytest.approx(1, abs=2e-6)
        assert row.probability == pytest.approx(said["green"] + said["violet"], abs=2e-6)
        assert any(json.dumps(row.classes) in body for body in events)


def test_the_reports(batch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", batch, "--all"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["class"] for row in rows] == [row["image"].rstrip("0123456789.jpg") for row in rows]
    assert run(["report", batch, "--all", "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    for row, image in zip(rows, images, strict=True):
        assert list(image["classes"]) == NAMES
        assert (image["class"], image["class_probability"]) == (row["class"], max(image["classes"].values()))
        assert row["class_probability"] == f"{image['class_probability']:.6f}"
    assert run(["report", batch, "--all", "--output", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert f"most probable: violet, {rows[-1]['class_probability']}" in page
    assert "the sum over the classes that count as malignant" in page


def test_show(installed: Manifest, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["model", "show"]) == 0
    shown = capsys.readouterr().out
    assert "classes        green, violet (count as malignant); brown (count as benign)\n" in shown
    assert shown.count("most probable class in") == 3


def test_another_mapping_needs_another_name(
    installed: Manifest, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same weights, but another sum of them is the probability of malignant."""
    shutil.copytree(trained, tmp_path / NAME)
    other = tmp_path / NAME / "manifest.json"
    other.write_text(json.dumps(installed.raw | {"malignant": ["violet"]}), encoding="utf-8")
    assert run(["model", "register", str(other.parent)]) == 2
    assert "with other classes; a name never changes its meaning: give yours a new one" in capsys.readouterr().err


def test_evaluate_a_folder_of_classes(
    installed: Manifest, coloured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    capsys.readouterr()
    assert run(["model", "evaluate", str(coloured), "--json", "--output", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    counted = found["held_back"]
    by_class = found["classes"]["by_class"]
    assert counted["malignant"] == sum(by_class[name]["images"] for name in ("green", "violet"))
    assert found["classes"]["images"] == counted["images"]
    # the images of the test part, which the manifest was measured on, by another way
    measured = installed.raw["class_metrics"]["test"]
    assert found["classes"]["confusion"]["images"] == measured["confusion"]["images"]
    assert by_class["green"]["roc_auc"]["value"] == measured["by_class"]["green"]["roc_auc"]["value"]
    html = page.read_text()
    assert "<h2>Classes</h2>" in html and "<h2>Which class is taken for which</h2>" in html


def test_evaluate_a_batch_by_labels(
    batch: str, coloured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Classes for some, benign or malignant for others: each number counts what it can."""
    labels = tmp_path / "labels.csv"
    words = ["brown", "benign", "Brown", "GREEN", "green", "1", "violet", "malignant", "brown"]
    rows = [f"{path.name},{word}\n" for path, word in zip(pictures_of(coloured), words, strict=True)]
    labels.write_text("image,label\n" + "".join(rows))
    assert run(["model", "evaluate", batch, "--labels", str(labels), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["all"]["images"], found["all"]["malignant"]) == (9, 5)
    assert run(["model", "evaluate", batch, "--labels", str(labels)]) == 0
    assert "truly brown" in capsys.readouterr().out
    labels.write_text("image,label\n" + "".join(rows).replace("GREEN", "blue"))
    assert run(["model", "evaluate", batch, "--labels", str(labels)]) == 2
    said = "label 'blue': expected brown, green, violet, or benign or malignant, or 0 or 1"
    assert said in capsys.readouterr().err


def test_explain(installed: Manifest, coloured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = coloured / "violet" / "violet0.jpg"
    capsys.readouterr()
    assert run(["explain", str(path), "--output", str(tmp_path / "out"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["images"]
    assert found["probability"] > 0.5
