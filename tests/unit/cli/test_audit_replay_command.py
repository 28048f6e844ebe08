"""`screen audit replay`: identical where nothing happened, and the right word and exit code for each thing that did."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from cli.main import run
from models.answers import Answers
from models.checksum import sha256_hex
from models.manifest import Manifest, parse
from models.version import ModelVersion
from storage import batches
from storage.batch_writer import Received
from storage.database import Database
from storage.schema import AuditEvent, Chunk, Image
from storage.settings import Settings
from worker import networks
from worker.networks import Networks
from worker.runner import Runner

WEIGHTS = b"one number, say"


class Brightness:
    """Scores a picture by its mean brightness, with ``shift`` as another engine would have it."""

    shift = 0.0

    def __init__(self, version: ModelVersion) -> None:
        version.verified_weights()
        self.version = version

    def answers(self, pictures: NDArray[np.uint8]) -> Answers:
        return Answers(pictures.mean(axis=(1, 2, 3), dtype=np.float64) / 255 + self.shift)


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "load_network", Brightness)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")  # the command sets it, and monkeypatch takes it back


@pytest.fixture
def manifest(manifest: Manifest) -> Manifest:
    sealed = {"file": "weights.safetensors", "sha256": sha256_hex(WEIGHTS)}
    return parse(json.dumps(manifest.raw | {"preprocessing": "square-1", "weights": sealed}))


@pytest.fixture
def model(settings: Settings, installed_model: Manifest) -> Path:
    """The folder of the installed model version."""
    folder = settings.home / "models" / installed_model.name
    (folder / "weights.safetensors").write_bytes(WEIGHTS)
    return folder


@pytest.fixture
def batch(
    sqlite_database: Database, settings: Settings, model: Path, manifest: Manifest, tmp_path: Path,
    photograph: Callable[..., Path],
) -> str:  # fmt: skip
    """Three photographs that a worker screened: ward/0.jpg to ward/2.jpg."""
    received = []
    for number in range(3):
        path = photograph(tmp_path / "ward" / f"{number}.jpg", seed=number, side=80 + 10 * number)
        data = path.read_bytes()
        received.append(Received(f"ward/{path.name}", str(path), sha256_hex(data), len(data)))
    with sqlite_database.write() as session:
        batch_id = batches.create(session, batches.Header("submit", "nurse", manifest), received)
        chunk_id = session.scalars(select(Chunk.id)).one()
    Runner(sqlite_database, Networks(settings.home, Brightness), "").run(chunk_id)
    return batch_id


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Runs the command with --json; returns the exit code, the object and what was said."""

    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        code = run(["audit", "replay", *arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return call


def behind_the_back(settings: Settings, statement: str) -> None:
    """Change the database as its administrator can: past the software and past any trigger."""
    with sqlite3.connect(settings.home / "dermscreen.db") as connection:
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(statement)
    connection.close()


def image_of(database: Database, number: int) -> Image:
    with database.read() as session:
        return session.scalars(select(Image).where(Image.position == number)).one()


def last_event(database: Database) -> dict[str, Any]:
    with database.read() as session:
        body: dict[str, Any] = json.loads(session.scalars(select(AuditEvent.body).order_by(AuditEvent.seq)).all()[-1])
    return body


def test_nothing_happened(batch: str, sqlite_database: Database, replay: Any) -> None:
    code, found, said = replay(batch, "--by", "auditor")
    assert code == 0
    assert found["now"].pop("libraries").count(",") >= 1
    assert {key: found[key] for key in found if key not in ("recorded", "now")} == {
        "batch": batch, "images": 3, "replayed": 3, "identical": 3, "different": 0, "not_replayable": 0,
        "largest_difference": "0.000000", "outcomes_changed": 0, "tolerance": "0.0001", "broken": 0,
        "images_differing": [], "images_not_replayable": [],
    }  # fmt: skip
    assert list(found["recorded"]) == ["libraries", "device", "software", "host"]
    assert said == "Scoring again: 3 of 3, " + said.partition("3 of 3, ")[2]
    event = last_event(sqlite_database)
    assert (event["event"], event["batch"], event["actor"]) == ("audit.replayed", batch, "auditor")
    assert (event["images"], event["identical"], event["different"], event["broken"]) == (3, 3, 0, 0)
    assert run(["audit", "verify"]) == 0


def test_for_people(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "replay", batch]) == 0
    out = capsys.readouterr().out
    assert "replayed       3: 3 identical, 0 different\nnot replayable 0\n" in out


def test_another_engine_is_said_and_breaks_nothing(batch: str, replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Brightness, "shift", 2e-6)
    code, found, said = replay(batch)
    assert (code, found["different"], found["broken"], found["outcomes_changed"]) == (0, 3, 0, 0)
    assert found["largest_difference"] == "0.000002"
    assert "3 of 3 images differ within the tolerance 0.0001, all with the outcome on record. Why they may: " in said
    assert replay(batch, "--tolerance", "0")[0] == 5


def test_an_engine_that_differs_too_much(batch: str, replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Brightness, "shift", -0.2)
    code, found, said = replay(batch)
    assert (code, found["broken"], found["outcomes_changed"]) == (5, 3, 3)
    assert "the record does not hold: image " in said
    assert "(and 2 more images)" in said
    assert found["images_differing"][0]["broken"][1].startswith("outcome flagged on record, clear now")
    assert found["images_differing"][0]["why"] != "the record was changed behind the audit chain's back"


def test_a_prediction_that_was_edited(
    batch: str, settings: Settings, sqlite_database: Database, replay: Any, tmp_path: Path
) -> None:
    image = image_of(sqlite_database, 1)
    statement = f"UPDATE predictions SET probability = probability + 0.00001 WHERE checksum = '{image.checksum}'"
    behind_the_back(settings, statement)
    code, found, said = replay(batch)
    assert code == 5
    assert f"image {image.id} of batch {batch}: probability 0." in said
    assert str(tmp_path) not in said and image.image not in said
    (item,) = found["images_differing"]
    assert (item["image"], item["difference"], item["outcome_now"]) == (image.id, "0.000010", item["outcome_recorded"])
    assert item["why"] == "the record was changed behind the audit chain's back"
    assert found["identical"] == 2
    assert last_event(sqlite_database)["broken"] == 1


def test_a_decision_that_was_edited(batch: str, settings: Settings, sqlite_database: Database, replay: Any) -> None:
    image = image_of(sqlite_database, 2)
    behind_the_back(settings, f"UPDATE decisions SET outcome = 'clear' WHERE image_id = {image.id}")
    code, found, said = replay(batch)
    assert (code, found["outcomes_changed"], found["largest_difference"]) == (5, 1, "0.000000")
    assert f"image {image.id} of batch {batch}: outcome clear in the database, flagged on the audit chain" in said


def test_a_decision_that_was_deleted(batch: str, settings: Settings, sqlite_database: Database, replay: Any) -> None:
    image = image_of(sqlite_database, 0)
    behind_the_back(settings, f"DELETE FROM decisions WHERE image_id = {image.id}")
    code, found, said = replay(batch)
    assert code == 5
    assert f"image {image.id} of batch {batch}: its decision or prediction is gone from the database" in said
    assert found["images_differing"][0]["recorded"] is None


def test_files_that_changed_or_went(
    batch: str, sqlite_database: Database, replay: Any, tmp_path: Path, photograph: Callable[..., Path]
) -> None:
    photograph(tmp_path / "ward" / "0.jpg", seed=99)
    (tmp_path / "ward" / "2.jpg").rename(tmp_path / "archived.bin")
    code, found, said = replay(batch)
    assert (code, found["images"], found["replayed"], found["not_replayable"]) == (1, 3, 1, 2)
    changed, gone = found["images_not_replayable"]
    assert changed["reason"].startswith("the file at its place is another one: expected the bytes with SHA-256 ")
    assert gone["reason"] == "the file is no longer there"
    assert "Images that could not be scored again: 2 of 3, with reasons." in said
    number = str(image_of(sqlite_database, 2).id)
    assert replay(number)[0] == 1
    assert replay(number, "--file", str(tmp_path / "ward" / "1.jpg"))[0] == 1  # the bytes of another image
    code, found, _ = replay(number, "--file", str(tmp_path / "archived.bin"))
    assert (code, found["images"], found["identical"]) == (0, 1, 1)
    assert last_event(sqlite_database)["image"] == int(number)
    assert replay(batch, "--file", str(tmp_path / "archived.bin"))[0] == 2


def test_one_image_by_path_place_and_content(batch: str, replay: Any, tmp_path: Path) -> None:
    (tmp_path / "copy.jpg").write_bytes((tmp_path / "ward" / "1.jpg").read_bytes())
    for name in ("ward/1.jpg", str(tmp_path / "ward" / "1.jpg"), str(tmp_path / "copy.jpg")):
        code, found, _ = replay(name)
        assert (code, found["batch"], found["images"], found["identical"]) == (0, batch, 1, 1)


@pytest.mark.parametrize("manifest_too", [False, True])
def test_other_weights(batch: str, model: Path, replay: Any, *, manifest_too: bool) -> None:
    (model / "weights.safetensors").write_bytes(b"another number")
    if manifest_too:
        manifest = (model / "manifest.json").read_text(encoding="utf-8")
        changed = manifest.replace(sha256_hex(WEIGHTS), sha256_hex(b"another number"))
        (model / "manifest.json").write_text(changed, encoding="utf-8")
    code, found, said = replay(batch)
    assert (code, found) == (4, {})
    assert sha256_hex(WEIGHTS) in said and sha256_hex(b"another number") in said


@pytest.mark.parametrize("name", ["nothing", "4711", "9" * 30, ".", "a" * 300])
def test_nothing_of_this_name(batch: str, replay: Any, name: str) -> None:
    code, found, said = replay(name)
    assert (code, found) == (2, {})
    assert said.startswith(f"Error: {name}")


def test_an_erased_image_cannot_be_replayed_and_the_others_can(
    batch: str, sqlite_database: Database, replay: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    image = image_of(sqlite_database, 1)
    assert run(["erase", "--checksum", image.checksum or "", "--reason", "request of 20 November"]) == 0
    capsys.readouterr()
    code, found, _ = replay(batch)
    assert (code, found["identical"], found["not_replayable"]) == (1, 2, 1)
    (gone,) = found["images_not_replayable"]
    assert (gone["image"], gone["file"], gone["checksum"]) == (image.id, "(erased)", image.checksum)
    assert gone["reason"] == "erased: the file and its name were deleted on request"
