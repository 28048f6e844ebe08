"""`screen model evaluate BATCH`: what belongs together, where nobody names groups. No network runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cli.evaluation_images import common_folder
from cli.main import run
from models.manifest import Manifest
from storage.batch_writer import Received
from storage.database import Database
from storage.schema import Batch, Image
from storage.settings import Settings

Evaluate = Callable[..., dict[str, Any]]

CONTENTS = [f"picture {number}" for number in range(8)]
PATIENTS = ["p-1", "p-1", "p-1", "p-2", "p-2", None, None, None]


@pytest.fixture
def rows(received: Callable[..., list[Received]]) -> list[Received]:
    """Eight images: three of one patient, two of another, three of whom nobody said."""
    return [replace(row, patient=patient) for row, patient in zip(received(*CONTENTS), PATIENTS, strict=True)]


@pytest.fixture
def evaluate(
    sqlite_database: Database, installed_model: Manifest, submit: Callable[..., str], screen: Callable[..., None],
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> Evaluate:  # fmt: skip
    """Hands images in, screens and evaluates them; every second is malignant. ``groups``: a column of the labels."""

    def call(rows: Sequence[Received], *arguments: str, groups: Sequence[str] | None = None) -> dict[str, Any]:
        batch = submit(sqlite_database, rows)
        screen(sqlite_database, {row.image: number / len(rows) for number, row in enumerate(rows)})
        labels = tmp_path / "labels.csv"
        with labels.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "label", *(["group"] if groups else [])])
            for number, row in enumerate(rows):
                writer.writerow([row.image, number % 2, *([groups[number]] if groups else [])])
        capsys.readouterr()
        assert run(["model", "evaluate", batch, "--labels", str(labels), "--json", *arguments]) == 0
        out, err = capsys.readouterr()
        assert "p-1" not in out + err
        return dict(json.loads(out))

    return call


@pytest.fixture
def with_split(settings: Settings, installed_model: Manifest, rows: list[Received]) -> None:
    """The model version's split: the images 2 and 3 are copies, so are 5 and 6; the others are not in it."""
    path = settings.home / "models" / installed_model.name / "split.csv"
    lines = [f"{rows[number].checksum},benign,test,{group}\n" for number, group in ((2, 1), (3, 1), (5, 2), (6, 2))]
    path.write_text(f"checksum,label,part,group\n{''.join(lines)}", encoding="utf-8")


def grouped(found: dict[str, Any]) -> tuple[str, int]:
    return found["method"]["groups_from"], found["all"]["groups"]


def test_images_of_one_patient_are_one_group(evaluate: Evaluate, rows: list[Received]) -> None:
    assert grouped(evaluate(rows)) == ("the patients of the batch", 5)


@pytest.mark.usefixtures("with_split")
def test_patients_and_copies_of_the_split_are_joined(evaluate: Evaluate, rows: list[Received]) -> None:
    # both patients through a copy, and 5 with 6, and 7
    assert grouped(evaluate(rows)) == ("the patients of the batch and the split", 3)


@pytest.mark.usefixtures("with_split")
def test_without_patients_the_split_alone(evaluate: Evaluate, rows: list[Received]) -> None:
    assert grouped(evaluate([replace(row, patient=None) for row in rows])) == ("the split", 6)


def test_the_same_picture_of_two_patients_joins_them(evaluate: Evaluate, rows: list[Received]) -> None:
    rows[5] = replace(rows[5], checksum=rows[0].checksum, patient="p-2")
    found = evaluate([*rows[:5], rows[6], rows[5], rows[7]])
    assert found["source"]["duplicate"] == 1
    assert grouped(found) == ("the patients of the batch", 3)


def test_where_nobody_says_each_image_is_on_its_own(evaluate: Evaluate, rows: list[Received]) -> None:
    assert grouped(evaluate([replace(row, patient=None) for row in rows])) == ("none", 8)


@pytest.mark.usefixtures("with_split")
def test_groups_that_somebody_names_count_as_they_are(evaluate: Evaluate, rows: list[Received], tmp_path: Path) -> None:
    assert grouped(evaluate(rows, groups=["a", "a", "b", "b", "b", "b", "b", ""])) == ("the labels", 3)
    named = tmp_path / "groups.csv"
    named.write_text(f"group,image\n1,{rows[0].image}\n1,{rows[7].image}\n", encoding="utf-8")
    assert grouped(evaluate(rows, "--groups", str(named))) == ("--groups", 7)


@pytest.mark.parametrize("noted", [True, False])
def test_scores_of_other_weights_are_measured_for_none(
    noted: bool, sqlite_database: Database, installed_model: Manifest, submit: Callable[..., str],
    screen: Callable[..., None], received: Callable[..., list[Received]], settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Another host handed the batch in, for a version of the same name; or one of long ago is only named like it."""
    batch, _ = submit(sqlite_database, received("picture")), submit(sqlite_database, received("other"))
    screen(sqlite_database)
    if not noted:
        with sqlite_database.write() as session:
            session.execute(update(Batch).where(Batch.id == batch).values(weights=None, scoring=None))
    raw = installed_model.raw | {"weights": installed_model.raw["weights"] | {"sha256": "f" * 64}}
    (settings.home / "models" / installed_model.name / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")
    assert run(["model", "evaluate", batch, "--json"]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    said = "handed in for" if noted else "this site's records have the name with other weights"
    assert f"{said}: expected SHA-256 {'0' * 64}, received {'f' * 64}; " in shown.err


@pytest.mark.parametrize("name", ["nothing", "a" * 300])
def test_neither_a_folder_nor_a_batch(name: str, sqlite_database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "evaluate", name]) == 2
    assert f"{name!r} is neither a folder nor a batch" in capsys.readouterr().err


def test_images_that_were_erased_are_said_wherever_the_numbers_are(
    evaluate: Evaluate, rows: list[Received], sqlite_database: Database, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    evaluate(rows)
    with sqlite_database.write() as session:
        batch = session.scalars(select(Batch.id)).one()
        of_patient = update(Image).where(Image.patient == "p-1")
        session.execute(of_patient.values(erased_at=datetime.now(UTC), patient=None, image="(erased)"))
    labels = tmp_path / "left.csv"
    labels.write_text("".join(["image,label\n", *(f"{row.image},{n % 2}\n" for n, row in enumerate(rows) if n > 2)]))
    page = tmp_path / "page.html"
    assert run(["model", "evaluate", batch, "--labels", str(labels), "--json", "--output", str(page)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["source"]["received"], found["source"]["erased"]) == (5, 3)
    (said,) = [warning for warning in found["warnings"] if "erased" in warning]
    assert said.startswith("3 images of the batch, erased since:")
    assert said in page.read_text(encoding="utf-8")


def test_labels_of_a_whole_collection_measure_a_batch_of_it(
    evaluate: Evaluate, rows: list[Received], sqlite_database: Database, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    evaluate(rows)
    with sqlite_database.read() as session:
        batch = session.scalars(select(Batch.id)).one()
    labels = tmp_path / "all.csv"
    lines = [f"{row.image},{number % 2},f\n" for number, row in enumerate(rows)]
    labels.write_text("".join(["image,label,Sex\nelse\x1b.jpg,1,m\n", *lines]), encoding="utf-8")
    assert run(["model", "evaluate", batch, "--labels", str(labels), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["source"]["received"] == len(rows)
    assert "Columns of the labels that were not used: Sex. --subgroup NAME measures each value of one of them.\n" in err
    said = "Passed over 1 of the 9 rows of the labels, which name no image here; the first: line 2: else\\x1b.jpg: "
    assert said in err


@pytest.mark.parametrize(
    ("images", "folder"),
    [
        (["/ward/left/1.jpg", "/ward/right/2.jpg"], "/ward/"),
        (["ward/1.jpg", "ward/2.jpg"], "ward/"),
        (["/1.jpg", "/ward/2.jpg"], "/"),  # one lies in no folder but the root
        (["1.jpg", "ward/2.jpg"], ""),
        (["/ward/1.jpg", "ward/2.jpg"], ""),
        (["s3://ward/1.jpg", "s3://ward/2.jpg"], ""),
        ([], ""),
    ],
)
def test_the_folder_that_all_images_of_a_batch_share(images: list[str], folder: str) -> None:
    assert common_folder(images) == folder
