"""`screen submit --manifest` and `screen erase`, as a person gives them, and every other command afterwards."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cli.evaluation_images import of_batch
from cli.main import run
from models.manifest import Manifest
from scheduler.broker import Broker
from storage.chunks import Claim, Results
from storage.database import Database
from storage.schema import AuditEvent, Batch, Image
from storage.settings import Settings

REASON = "request of 20 November"
PATIENT = "p-4711"


@pytest.fixture
def ward(tmp_path: Path, photograph: Callable[..., Path]) -> Path:
    """Three photographs; a manifest among them names the patient of two."""
    folder = tmp_path / "ward"
    for number, name in enumerate(("ada.png", "left/ada.png", "bob.png")):
        photograph(folder / name, seed=number)
    (folder / "list.csv").write_text(f"image,patient,lesion\nward/ada.png,{PATIENT},nape\nleft/ada.png,{PATIENT},\n")
    return folder


@pytest.fixture
def batch(
    sqlite_database: Database, broker: Broker, installed_model: Manifest, ward: Path, screen: Callable[..., None],
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> str:  # fmt: skip
    """The ward, handed in by the command and screened; ada.png is flagged."""
    monkeypatch.chdir(ward.parent)
    assert run(["submit", "ward", "--manifest", "ward/list.csv", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "Images that the manifest does not list, and that have no patient: 1." in err
    assert PATIENT not in err
    screen(sqlite_database, {"ward/ada.png": 0.9})
    return str(json.loads(out)["batch"])


@pytest.fixture
def erase(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Runs the command with --json; returns the exit code, the object and what was said."""

    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        code = run(["erase", "--reason", REASON, *arguments, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else {}, err

    return call


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert run(["report", "--all", *arguments]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def files_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_from_the_manifest_to_the_erasure(
    settings: Settings, sqlite_database: Database, batch: str, ward: Path, erase: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    found = report(capsys)
    subjects = {row["image"]: (row["patient"], row["lesion"]) for row in found}
    assert subjects == {"ward/ada.png": (PATIENT, "nape"), "ward/bob.png": ("", ""), "ward/left/ada.png": (PATIENT, "")}
    assert run(["report", "--format", "html"]) == 0
    assert f"patient <bdi>{PATIENT}</bdi>, lesion <bdi>nape</bdi>" in capsys.readouterr().out
    holding = {
        path.name for path in settings.home.rglob("*") if path.is_file() and PATIENT.encode() in path.read_bytes()
    }
    assert holding <= {"dermscreen.db", "dermscreen.db-wal"} and holding  # no log, and nothing of the queue

    code, done, said = erase("--patient", PATIENT, "--by", "Dr Jones")

    assert code == 0, said
    assert (done["images"], done["batches"], done["left_to_do"]) == (2, [batch], [])
    assert {(Path(item["file"]).name, item["status"]) for item in done["files"]} == {("ada.png", "deleted")}
    assert (len(done["reports"]), done["list"]) == (2, None)
    assert "Reports of these batches that have left: 2;" in said
    assert [path.name for path in sorted(ward.iterdir())] == ["bob.png", "left", "list.csv"]
    sqlite_database.close()
    everything = files_of(settings.home)
    assert [word for word in (PATIENT, "ada.png", "nape") if word.encode() in everything] == []
    assert run(["audit", "verify"]) == 0


def test_every_command_afterwards(
    sqlite_database: Database, batch: str, erase: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = report(capsys)
    erase("--patient", PATIENT)
    after = report(capsys)
    assert [row["image"] for row in after] == ["(erased)", "ward/bob.png", "(erased)"]
    same = ("checksum", "outcome", "probability", "reason")
    assert [[row[column] for column in same] for row in after] == [[row[column] for column in same] for row in before]
    assert run(["report", "--all", "--format", "html"]) == 0
    assert '<div class="empty">erased</div>' in capsys.readouterr().out
    assert run(["status", batch, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["screened"] == 3
    assert run(["explain", batch, "--output", str(tmp_path / "out"), "--json"]) == 1
    (explained,) = json.loads(capsys.readouterr().out)["images"]
    assert (explained["image"], explained["reason"]) == (
        "(erased)", "erased: the file and its name were deleted on request",
    )  # fmt: skip
    assert run(["retry", batch]) == 0
    with sqlite_database.read() as session:
        images, erased = of_batch(session, batch)
    assert ([item.target.relative for item in images], erased) == (["bob.png"], 2)
    assert run(["audit", "verify"]) == 0


def test_a_second_call_and_an_unknown_patient(batch: str, erase: Any) -> None:
    erase("--patient", PATIENT)
    for patient in (PATIENT, "nobody"):
        code, done, said = erase("--patient", patient)
        assert (code, done["images"], done["files"]) == (0, 0, [])
        assert said == "No image of this patient is on record, or none any more: nothing to erase.\n"


def test_a_file_that_is_another_by_now_stays(batch: str, ward: Path, erase: Any) -> None:
    (ward / "ada.png").write_bytes(b"another picture")
    code, done, _ = erase("--patient", PATIENT)
    assert code == 1
    assert {item["status"]: item["reason"] for item in done["files"]} == {
        "deleted": "",
        "left": "it has changed since it was handed in: another picture may lie there",
    }
    assert (ward / "ada.png").exists()


def test_what_stays_is_listed_before_the_records_forget_it(
    batch: str, ward: Path, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Database) -> None:
        raise KeyboardInterrupt

    (ward / "ada.png").write_bytes(b"another picture")
    monkeypatch.setattr("storage.scrubbing.scrub", interrupted)
    assert run(["erase", "--patient", PATIENT, "--reason", REASON]) == 130
    out, err = capsys.readouterr()
    (kept,) = (settings.home / "erasures").iterdir()
    assert (out, f"not deleted: 1, listed in {kept};" in err) == ("", True)
    (left,) = json.loads(kept.read_text(encoding="utf-8"))["files"]
    assert left == {
        "file": str(ward / "ada.png"), "status": "left",
        "reason": "it has changed since it was handed in: another picture may lie there",
    }  # fmt: skip
    assert (kept.stat().st_mode & 0o777, PATIENT in kept.name) == (0o600, False)


def test_records_stay_when_the_list_cannot_be_written(batch: str, settings: Settings, erase: Any) -> None:
    blocked = settings.home / "erasures"
    blocked.write_text("no folder")
    code, _, said = erase("--patient", PATIENT, "--keep-files")
    assert (code, "so the records stay as they are" in said) == (3, True)
    blocked.unlink()
    code, done, _ = erase("--patient", PATIENT, "--keep-files")
    assert (code, done["images"], [str(path) for path in blocked.iterdir()]) == (0, 2, [done["list"]])


def test_for_people(batch: str, ward: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["erase", "--patient", PATIENT, "--reason", REASON, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("images   2 would be erased, in 1 batches\nfiles    2 would be deleted, 0 kept, 0 left\n")
    assert f"{ward / 'ada.png'}\tdeleted\t" in out
    assert run(["erase", "--patient", PATIENT, "--reason", REASON, "--keep-files"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("images   2 erased, in 1 batches\nfiles    0 deleted, 2 kept, 0 left\nfile\tstatus\treason\n")
    assert (ward / "ada.png").exists()


def test_the_pseudonym_need_not_stand_on_the_command_line(
    batch: str, erase: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PATIENT}\n"))
    assert erase("--patient", "-")[1]["images"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--patient", ""],
        ["--patient", "p", "--checksum", "0" * 64],
        ["--checksum", "0" * 63],
        ["--checksum", "x" * 64],
    ],
)
def test_what_cannot_be_asked_for(sqlite_database: Database, erase: Any, arguments: list[str]) -> None:
    assert erase(*arguments)[0] == 2


def test_failed_images_that_were_erased_are_said(
    sqlite_database: Database, installed_model: Manifest, broker: Broker, ward: Path, erase: Any,
    take: Callable[..., list[Claim]], finish: Callable[..., None], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("storage.chunks.MAX_FAULTS", 1)
    monkeypatch.chdir(ward.parent)
    run(["submit", "ward", "--manifest", "ward/list.csv"])
    capsys.readouterr()
    (held,) = take(sqlite_database)
    finish(sqlite_database, held, Results(faults={image.id: "out of memory" for image in held.images}))
    erase("--patient", PATIENT)
    with sqlite_database.read() as session:
        batch_id = session.scalars(select(Batch.id)).one()
    assert run(["retry", batch_id]) == 1  # some images have failed for ever
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [
        "Failed images that were erased and stay as they are: 2.",
        "Failed images that are tried again: 1.",
    ]


def test_a_manifest_that_does_not_fit_submits_nothing(
    sqlite_database: Database, installed_model: Manifest, ward: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (ward / "list.csv").write_text("image,patient\nada.png,p-1\neve.png,p-1\n")
    assert run(["submit", str(ward), "--manifest", str(ward / "list.csv")]) == 2
    err = capsys.readouterr().err
    assert "line 3: eve.png: no such image" in err
    assert "line 2" not in err  # by the relative path: the other one is left/ada.png
    with sqlite_database.read() as session:
        assert session.scalars(select(Image.id)).first() is None
        assert "batch.submitted" not in session.scalars(select(AuditEvent.event)).all()
