"""Bytes that are not UTF-8 in what the database shall keep: refused before the work begins."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cli.main import run
from storage.database import Database
from storage.schema import AuditEvent

NAME = os.fsdecode(b"J\xfcrgen")


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "--output", "{folder}/report.csv", "--receiver", NAME],
        ["report", NAME],
        ["audit", "export", "--output", "{folder}/trail.jsonl", "--receiver", NAME],
        ["submit", "{folder}", "--site", NAME],
        ["submit", "{folder}", "--submitter", NAME],
        ["watch", "{folder}", "--once", "--site", NAME],
        ["watch", "{folder}", "--once", "--submitter", NAME],
        ["beat", NAME, "--at", "0 0 * * *", "--reports", "{folder}"],
        ["beat", "{folder}", "--at", "0 0 * * *", "--reports", NAME],
        ["beat", "{folder}", "--at", "0 0 * * *", "--reports", "{folder}", "--site", NAME],
        ["beat", NAME, "--off"],
        ["pause", "--by", NAME],
        ["erase", "--patient", NAME, "--reason", "asked for"],
        ["status", NAME],
        ["retry", NAME],
    ],
)
def test_refused(
    arguments: list[str], sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "note.jpg").write_text("no picture")
    before = audited(sqlite_database)
    assert run([argument.replace("{folder}", str(folder)) for argument in arguments]) == 2
    assert r"expected UTF-8, received J\xfcrgen" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["note.jpg"]
    assert audited(sqlite_database) == before


def test_a_folder_whose_place_is_not_utf8(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / NAME
    try:
        (place / "ward").mkdir(parents=True)
    except OSError:
        pytest.skip("this file system holds UTF-8 alone")
    monkeypatch.chdir(place)
    assert run(["beat", "ward", "--at", "0 0 * * *", "--reports", str(tmp_path)]) == 2
    assert "expected UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_pseudonym_on_stdin(
    errors: str, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"J\xfcrgen\n"), encoding="utf-8", errors=errors))
    assert run(["erase", "--patient", "-", "--reason", "asked for"]) == 2
    assert "stdin is not" in capsys.readouterr().err


def audited(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(AuditEvent)) or 0
