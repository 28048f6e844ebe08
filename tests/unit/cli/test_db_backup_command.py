"""`screen db backup` and `screen db restore` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from models.checksum import sha256_hex
from storage.database import Database
from storage.migrations import HEAD
from storage.settings import Settings

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def taken(
    sqlite_database: Database, submit: Callable[..., str], received: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> tuple[Path, dict[str, Any]]:
    """A backup of a batch of three images, and what the command said of it."""
    submit(sqlite_database, received(3))
    sqlite_database.close()
    path = tmp_path / "monday.gz"
    assert run(["db", "backup", str(path), "--json"]) == ExitCode.DONE
    return path, json.loads(capsys.readouterr().out)


def test_backup_says_what_it_wrote(taken: tuple[Path, dict[str, Any]]) -> None:
    path, told = taken
    assert list(told) == ["file", "sha256", "schema", "software", "taken_at", "rows"]
    assert (told["file"], told["sha256"], told["schema"]) == (str(path), sha256_hex(path.read_bytes()), HEAD)
    assert (told["rows"]["batches"], told["rows"]["images"]) == (1, 3)


def test_restore_into_an_empty_home(
    taken: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path, made = taken
    monkeypatch.setenv("DERMSCREEN_HOME", str(tmp_path / "new home"))
    assert run(["db", "restore", str(path), "--json"]) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told == made | {"unfinished": 3, "replaced_events": 0, "erased_again": 0}
    assert run(["audit", "verify"]) == ExitCode.DONE
    capsys.readouterr()
    assert run(["db", "restore", str(path)]) == ExitCode.USAGE
    assert "--replace" in capsys.readouterr().err
    assert run(["db", "restore", str(path), "--replace"]) == ExitCode.DONE
    shown = capsys.readouterr()
    assert "1 batches, 3 images" in shown.out and "3 images are unfinished" in shown.err


def test_a_damaged_backup(taken: tuple[Path, dict[str, Any]], settings: Settings, capsys: Capture) -> None:
    path, _ = taken
    path.write_bytes(path.read_bytes()[:-9])
    assert run(["db", "restore", str(path), "--replace"]) == ExitCode.PROOF_BROKEN
    assert "is damaged" in capsys.readouterr().err


def test_a_backup_for_people(taken: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: Capture) -> None:
    assert run(["db", "backup", str(tmp_path / "again.gz")]) == ExitCode.DONE
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("1 batches, 3 images.") and second.startswith("SHA-256 ")
    assert run(["db", "backup", str(tmp_path / "again.gz")]) == ExitCode.USAGE
    assert "overwrites nothing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a file/b.gz", "n" * 300, "/proc/nowhere/b.gz"])
def test_a_backup_where_none_can_be(sqlite_database: Database, tmp_path: Path, name: str, capsys: Capture) -> None:
    (tmp_path / "a file").touch()
    sqlite_database.close()
    assert run(["db", "backup", str(tmp_path / name)]) == ExitCode.USAGE
    assert "the backup cannot be written to" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["a file"]
