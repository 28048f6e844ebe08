"""`screen explain`: overlays named by checksum, an index that says whose they are, reasons for the rest."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select, update

from cli.drawn_lesions import draw_lesion
from cli.explaining import Explainer, Look
from cli.main import run
from models.answers import Answers
from models.catalogue import DEFAULT_MODEL, SHIPPED
from models.errors import ModelInvalid
from models.version import ModelVersion, open_version
from storage import batches, chunks, predictions
from storage.batch_writer import Received
from storage.database import Database
from storage.report import NOTICE
from storage.schema import Batch, Chunk
from worker.networks import Networks

MANIFEST = open_version(SHIPPED / DEFAULT_MODEL).manifest


def drawn(file: Path, seed: int = 1) -> Received:
    exif = Image.Exif()
    exif[0x010E] = "patient 4711"
    draw_lesion(seed, width=160, height=120, malignant=True).save(file, "JPEG", exif=exif)
    data = file.read_bytes()
    return Received(file.name, str(file), hashlib.sha256(data).hexdigest(), len(data))


def screened(database: Database, items: dict[Received, float]) -> str:
    scores = {item.image: score for item, score in items.items()}
    with database.write() as session:
        batch_id = batches.create(session, batches.Header("submit", "r.meyer", MANIFEST), list(items))
        for chunk_id in session.scalars(select(Chunk.id).where(Chunk.batch_id == batch_id)).all():
            claim = chunks.claim(session, chunk_id, "tester")
            assert claim is not None
            results = chunks.Results(scores={image.id: (scores[image.image], None) for image in claim.images})
            chunks.complete(session, claim, predictions.Key(MANIFEST.name, MANIFEST.preprocessing), results)
    return batch_id


def explain(*arguments: str, folder: Path) -> tuple[int, Any]:
    code = run(["explain", *arguments, "--output", str(folder)])
    return code, json.loads((folder / "index.json").read_text(encoding="utf-8"))


def test_one_image(sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = drawn(tmp_path / "patient 4711.jpg")
    code, index = explain(item.location, "--json", folder=tmp_path / "out")
    assert code == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == index
    assert NOTICE in shown.err
    (found,) = index["images"]
    assert found["image"] == item.location
    assert found["checksum"] == item.checksum
    assert found["overlay"] == f"{item.checksum[:16]}.png"
    assert 0 <= found["probability"] <= 1
    assert found["threshold"] == MANIFEST.default.threshold
    assert found["outcome"] == ("flagged" if found["probability"] >= found["threshold"] else "clear")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {found["overlay"], "index.json", "index.csv"}
    data = (tmp_path / "out" / found["overlay"]).read_bytes()
    assert data.startswith(b"\x89PNG") and b"4711" not in data


def test_what_screening_would_not_judge_is_for_review_here_too(
    sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Skin behind bars: the picture can be graded, and is unlike all that the network learned from."""
    skin = np.asarray(draw_lesion(1, width=160, height=120, malignant=True))
    bars = 1 - 0.5 * (np.arange(160) // 4 % 2)
    Image.fromarray((skin * bars[:, None]).astype(np.uint8)).save(tmp_path / "bars.png")
    code, index = explain(str(tmp_path / "bars.png"), folder=tmp_path / "out")
    (found,) = index["images"]
    assert (code, found["outcome"]) == (0, "review")
    assert found["probability"] >= found["threshold"]
    assert found["reason"].startswith("unlike the pictures that the network learned from")
    assert "\treview\tunlike the pictures" in capsys.readouterr().out


def test_the_flagged_images_of_a_batch(sqlite_database: Database, tmp_path: Path) -> None:
    items = {drawn(tmp_path / f"{n}.jpg", n): score for n, score in enumerate((0.9, 0.1, 0.8, 0.7))}
    batch_id = screened(sqlite_database, items)
    code, index = explain(batch_id, "--limit", "2", folder=tmp_path / "out")
    assert code == 0
    assert [(item["image"], item["probability"], item["outcome"]) for item in index["images"]] == [
        ("0.jpg", 0.9, "flagged"), ("2.jpg", 0.8, "flagged"),
    ]  # fmt: skip
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    with (tmp_path / "out" / "index.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["overlay"] for row in rows] == [item["overlay"] for item in index["images"]]
    assert [row["probability"] for row in rows] == ["0.900000", "0.800000"]


def test_a_bad_image_has_its_reason_and_the_rest_goes_on(sqlite_database: Database, tmp_path: Path) -> None:
    changed, gone, sound = (drawn(tmp_path / f"{name}.jpg", n) for n, name in enumerate(("=changed", "gone", "sound")))
    batch_id = screened(sqlite_database, {changed: 0.9, gone: 0.8, sound: 0.7})
    drawn(Path(changed.location), 9)
    Path(gone.location).unlink()
    code, index = explain(batch_id, folder=tmp_path / "out")
    assert code == 1
    assert [(item["image"], bool(item["overlay"]), item["reason"]) for item in index["images"]] == [
        ("=changed.jpg", False, "the file changed since it was screened; submit it again"),
        ("gone.jpg", False, "the file is no longer there"),
        ("sound.jpg", True, ""),
    ]
    # no spreadsheet may take a file name for a formula
    assert '"\'=changed.jpg"' in (tmp_path / "out" / "index.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty"), (b"hello", "not an image"), (None, "a symbolic link")])
def test_an_image_that_cannot_be_screened(
    content: bytes | None, reason: str, sqlite_database: Database, tmp_path: Path
) -> None:
    target = tmp_path / "x.jpg"
    target.symlink_to(drawn(tmp_path / "y.jpg").location) if content is None else target.write_bytes(content)
    code, index = explain(str(target), folder=tmp_path / "out")
    assert code == 1
    (found,) = index["images"]
    assert found["reason"].startswith(reason)
    assert (found["overlay"], found["probability"], found["outcome"]) == ("", None, "rejected")


def test_neither_a_file_nor_a_batch(
    sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "nothing", "--output", str(tmp_path / "out")]) == 2
    assert "nothing is neither a file nor a batch" in capsys.readouterr().err
    assert run(["explain", "a" * 300, "--output", str(tmp_path / "out")]) == 2
    assert "a is neither a file nor a batch" in capsys.readouterr().err
    assert run(["explain", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert "is a folder; expected an image" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written(
    sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    item = drawn(tmp_path / "a.jpg")
    assert run(["explain", item.location, "--output", str(tmp_path / "file" / "out")]) == 2
    assert "the overlays cannot be written to" in capsys.readouterr().err


def test_the_html_report_shows_overlays_when_asked(
    sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, gone = (drawn(tmp_path / f"<b>{n}.jpg", n) for n in range(2))
    screened(sqlite_database, {sound: 0.9, gone: 0.8, drawn(tmp_path / "clear.jpg", 3): 0.01})
    Path(gone.location).unlink()
    assert run(["report", "--all", "--format", "html", "--explain"]) == 0
    page = capsys.readouterr().out
    assert page.count('class="map"') == 1
    assert 'alt="where the score of &lt;b&gt;0.jpg comes from"' in page
    assert "<b>0.jpg" not in page
    assert "Grad-CAM" in page
    assert run(["report", "--all", "--format", "html"]) == 0
    assert 'class="map"' not in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--output", "r.csv"]])
def test_only_an_html_report_has_overlays(
    arguments: list[str], sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", "--explain", *arguments]) == 2
    assert "--explain needs --format html" in capsys.readouterr().err


def test_the_number_of_overlays_is_limited(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli import html_report

    monkeypatch.setattr(html_report, "OVERLAYS", 1)
    screened(sqlite_database, {drawn(tmp_path / f"{n}.jpg", n): 0.9 for n in range(3)})
    assert run(["report", "--format", "html", "--explain"]) == 0
    page = capsys.readouterr().out
    assert page.count('class="map"') == 1
    assert page.count('class="picture"') == 3
    assert "for at most 1 lesions" in page


def test_without_tensorflow_the_extra_is_named(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.delitem(sys.modules, "models.networks.gradcam", raising=False)
    assert run(["explain", drawn(tmp_path / "a.jpg").location, "--output", str(tmp_path / "out")]) == 2
    assert "explaining needs the extra cpu or gpu" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["explain"], ["report", "--format", "html", "--explain"]])
def test_other_weights_under_the_name_explain_no_batch(
    command: list[str], sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A map of other weights would show where a score is from that was never given."""
    batch_id = screened(sqlite_database, {drawn(tmp_path / "a.jpg"): 0.9})
    with sqlite_database.write() as session:
        session.execute(update(Batch).values(weights="f" * 64))
    output = ["--output", str(tmp_path / "out")]
    assert run([*command, batch_id, *output]) == 4
    expected = f"handed in for: expected SHA-256 {'f' * 64}, received {MANIFEST.weights_sha256}; put that version into"
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_no_number_does_not_pass_for_clear(tmp_path: Path) -> None:
    class Overflowing:
        def __init__(self, version: ModelVersion) -> None:
            self.version = version

        def answers(self, pictures: np.ndarray) -> Answers:
            return Answers(np.full(len(pictures), np.nan))

    explainer = Explainer(tmp_path, Networks(tmp_path, Overflowing))
    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ModelInvalid, match=f"model {DEFAULT_MODEL}: the network gave no number from 0 to 1"):
        explainer.judge(Look(picture, picture, np.zeros((8, 8), np.float32), None), DEFAULT_MODEL)


def test_nothing_flagged_is_said(sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch_id = screened(sqlite_database, {drawn(tmp_path / "clear.jpg"): 0.01})
    code, index = explain(batch_id, folder=tmp_path / "out")
    assert (code, index["images"]) == (0, [])
    assert f"No image of batch {batch_id} is flagged: there is nothing to explain." in capsys.readouterr().err
