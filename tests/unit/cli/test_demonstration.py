"""`screen demo` deletes the records of the demonstration before, and nothing that was not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.demonstration import MARK
from cli.exit_codes import ExitCode
from cli.main import run
from scheduler.broker import Broker
from storage.database import Database
from storage.settings import Settings


@pytest.fixture
def no_pictures(tmp_path: Path) -> str:
    """An empty folder: a demonstration of it makes its data folder and ends before anything is screened."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return str(folder)


def test_the_data_folder_in_use_is_kept(
    settings: Settings, sqlite_database: Database, broker: Broker, no_pictures: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site = settings.home.parent
    (settings.home / MARK).touch()  # whatever it looks like
    assert run(["demo", no_pictures, "--output", str(site)]) == ExitCode.USAGE
    said = (
        f"Error: {settings.home} holds the data folder in use (DERMSCREEN_HOME), and a demonstration begins by "
        "deleting its records; nothing was deleted, name another folder with --output\n"
    )
    assert capsys.readouterr() == ("", said)
    assert (settings.home / "dermscreen.db").is_file()
    assert broker.messages() == 0  # its broker answers


def test_a_link_to_the_data_folder_in_use_is_kept(
    settings: Settings, no_pictures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (settings.home / MARK).touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert run(["demo", no_pictures, "--output", str(tmp_path / "link")]) == ExitCode.USAGE
    assert "in use (DERMSCREEN_HOME)" in capsys.readouterr().err
    assert settings.logs.is_dir()


@pytest.mark.parametrize("name", ["dermscreen.db", "a letter.txt"])
def test_what_no_demonstration_made_is_kept(
    name: str, settings: Settings, no_pictures: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "site" / "home"
    other.mkdir(parents=True)
    (other / name).write_bytes(b"records")
    assert run(["demo", no_pictures, "--output", str(other.parent)]) == ExitCode.USAGE
    said = (
        f"Error: {other} is there, and no demonstration has marked it as its own; nothing was deleted, name another "
        "folder with --output, or delete it yourself if an earlier release made it for a demonstration\n"
    )
    assert capsys.readouterr() == ("", said)
    assert [path.name for path in other.iterdir()] == [name]
    assert [path.name for path in other.parent.iterdir()] == ["home"]


def test_it_needs_no_settings(
    no_pictures: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its records are apart from anybody's, also of a user whose own cannot be found."""
    monkeypatch.setenv("DERMSCREEN_LEASE_SECONDS", "soon")
    assert run(["demo", no_pictures, "--output", str(tmp_path / "demo")]) == ExitCode.USAGE
    assert "there is no file to screen" in capsys.readouterr().err


def test_the_demonstration_before_is_deleted(settings: Settings, no_pictures: str, tmp_path: Path) -> None:
    home = tmp_path / "demo" / "home"
    demonstrate = ["demo", no_pictures, "--output", str(home.parent)]
    assert run(demonstrate) == ExitCode.USAGE  # for want of pictures
    assert (home / MARK).is_file()
    (home / "of before").touch()
    run(demonstrate)
    assert not (home / "of before").exists()
    assert (home / MARK).is_file()
    assert settings.logs.is_dir()
