"""`screen beat` refuses what it would otherwise pass over, before it runs for ever."""

import json
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.main import run
from storage import schedules
from storage.migrate import open_database
from storage.settings import Settings


@pytest.mark.parametrize("option", [["--at", "30 2 * * *"], ["--reports", "reports"], ["--site", "north"]])
def test_options_of_a_folder_without_a_folder(
    settings: Settings, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beat", *option]) == ExitCode.USAGE
    assert "received no FOLDER" in capsys.readouterr().err


@pytest.mark.parametrize("cron", ["2 * * *", "99 2 * * *", "at two"])
def test_a_time_that_never_comes(
    settings: Settings, tmp_path: Path, cron: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beat", str(tmp_path), "--at", cron, "--reports", str(tmp_path / "reports")]) == ExitCode.USAGE
    assert cron in capsys.readouterr().err


@pytest.mark.parametrize("typed", [["--off"], ["FOLDER", "--off", "--site", "north"]])
def test_off_takes_a_folder_and_nothing_else(
    settings: Settings, tmp_path: Path, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beat", *(str(tmp_path) if word == "FOLDER" else word for word in typed)]) == ExitCode.USAGE
    assert "expected a FOLDER and no other option" in capsys.readouterr().err


def test_a_folder_that_is_not_there(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["beat", str(tmp_path / "gone"), "--at", "30 2 * * *", "--reports", str(tmp_path)]
    assert run(typed) == ExitCode.USAGE
    assert "is not a folder, or is not there" in capsys.readouterr().err


def test_a_folder_comes_off_the_timetable(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also one that is not there any more."""
    for name in ("gone", "kept"):
        with open_database(settings).write() as session:
            schedules.put(
                session, folder=str(tmp_path / name), cron="30 2 * * *", reports="/r", site=None, submitter="nurse"
            )
    assert run(["beat", str(tmp_path / "gone"), "--off", "--json"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == [
        {"folder": str(tmp_path / "kept"), "at": "30 2 * * *", "reports": "/r"}
    ]
    assert run(["beat", str(tmp_path / "gone"), "--off"]) == ExitCode.USAGE
    assert "is not on the timetable" in capsys.readouterr().err
