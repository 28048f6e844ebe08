"""`screen beat` refuses what it would otherwise pass over, before it runs for ever."""

import json
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

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


def folders(settings: Settings) -> list[str]:
    with open_database(settings).read() as session:
        return [item.folder for item in schedules.nightlies(session)]


@pytest.mark.parametrize("reports", ["today", "today/reports", "link/reports", "other/reports"])
def test_reports_that_the_next_night_would_take_in(
    settings: Settings, tmp_path: Path, reports: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the folder itself, by another name too, and of another that is on the timetable."""
    (tmp_path / "today").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "today")
    with open_database(settings).write() as session:
        schedules.put(
            session, folder=str(tmp_path / "other"), cron="30 2 * * *", reports="/r", site=None, submitter="nurse"
        )
    typed = ["beat", str(tmp_path / "today"), "--at", "30 2 * * *", "--reports", str(tmp_path / reports)]
    assert run(typed) == ExitCode.USAGE
    assert "which is screened whole every night" in capsys.readouterr().err
    assert folders(settings) == [str(tmp_path / "other")]
    assert not (tmp_path / "today" / "reports").exists()


def test_a_folder_around_the_reports_of_another(settings: Settings, tmp_path: Path) -> None:
    with open_database(settings).write() as session:
        schedules.put(
            session, folder=str(tmp_path / "today"), cron="30 2 * * *", reports=str(tmp_path / "clinic" / "reports"),
            site=None, submitter="nurse",
        )  # fmt: skip
    (tmp_path / "clinic").mkdir()
    typed = ["beat", str(tmp_path / "clinic"), "--at", "30 2 * * *", "--reports", str(tmp_path / "reports")]
    assert run(typed) == ExitCode.USAGE
    assert folders(settings) == [str(tmp_path / "today")]


def test_the_reports_folder_is_made_when_it_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not at night. It may be the folder in which the FOLDER lies."""
    monkeypatch.setattr("cli.beating.beat", lambda *_: None)
    (tmp_path / "clinic" / "today").mkdir(parents=True)
    typed = ["beat", str(tmp_path / "clinic" / "today"), "--at", "30 2 * * *", "--reports"]
    for reports in (tmp_path / "clinic", tmp_path / "share" / "reports"):
        assert run([*typed, str(reports)]) == ExitCode.DONE
        assert reports.is_dir()
    (tmp_path / "file").write_text("no folder")
    assert run([*typed, str(tmp_path / "file" / "reports")]) == ExitCode.USAGE
    assert "cannot be made" in capsys.readouterr().err


def _put(settings: Settings, folder: Path) -> None:
    with open_database(settings).write() as session:
        schedules.put(session, folder=str(folder), cron="30 2 * * *", reports="/r", site=None, submitter="nurse")


@pytest.mark.parametrize("name", [None, "No/Such_Zone", "CONFLICT"])
def test_a_machine_that_does_not_tell_its_time_zone(
    name: str | None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def told() -> str | None:
        if name == "CONFLICT":
            raise ZoneInfoNotFoundError("Multiple conflicting time zone configurations found")
        return name

    monkeypatch.setattr("tzlocal.get_localzone_name", told)
    reports = tmp_path / "reports"
    assert run(["beat", str(tmp_path), "--at", "30 2 * * *", "--reports", str(reports)]) == ExitCode.USAGE
    assert "as TZ=Europe/Berlin" in capsys.readouterr().err
    with open_database(settings).read() as session:
        assert (schedules.nightlies(session), reports.exists()) == ([], False)
    _put(settings, tmp_path)
    assert run(["beat"]) == ExitCode.USAGE
    assert "as TZ=Europe/Berlin" in capsys.readouterr().err


def test_whose_time_it_is_is_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A zone that is mistyped in TZ is passed over, and the nights would come at an hour that nobody expects."""
    monkeypatch.setattr("cli.beating.beat", lambda *_: None)
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Asia/Kolkata")
    _put(settings, tmp_path)
    assert run(["beat"]) == ExitCode.DONE
    assert "Local time is that of Asia/Kolkata, now " in capsys.readouterr().err
