"""The loop of `screen watch`: what the operating system announces, and how it ends."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import troubles, watching
from cli.exit_codes import ExitCode
from cli.main import run
from cli.troubles import Troubles
from models.manifest import Manifest
from scheduler.broker import Broker
from scheduler.inbox import Inbox
from scheduler.one_watcher import OneWatcher
from storage.database import Database
from storage.settings import Settings

LONG_ENOUGH = 30.0  # seconds until the test gives up; a change is announced within one


def changed(announced: threading.Event, write: Path) -> bool:
    """Write until it is announced: the messenger may still be starting."""
    for number in range(round(LONG_ENOUGH / 0.2)):
        write.write_bytes(bytes([number]))
        if announced.wait(0.2):
            announced.clear()
            return True
    return False


def test_a_name_that_is_not_utf8_does_not_silence_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LISTEN_AGAIN_SECONDS", 0.05)
    odd = tmp_path / os.fsdecode(b"M\xfcller.jpg")
    try:
        odd.write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    with watching._Announcements(Inbox(tmp_path)) as announced:
        assert changed(announced, tmp_path / "1.jpg")
        assert changed(announced, odd)
        odd.unlink()
        assert changed(announced, tmp_path / "2.jpg")


def test_once_ends_with_what_it_cannot_move(
    sqlite_database: Database, installed_model: Manifest, broker: Broker, photograph: Callable[..., Path],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It stands still for ever otherwise. Root may write all, so the system's answer is put in its place."""
    photograph(tmp_path / "inbox" / "cd" / "1.jpg")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda path, *_, **__: Path(path).name != "cd")
        assert run(["watch", str(tmp_path / "inbox"), "--once"]) == ExitCode.SERVICE_UNREACHABLE
    said = "files that cannot be moved out of the inbox: 1, the first of them in its folder cd (its folder may not be"
    assert capsys.readouterr().err.count(said) == 2  # when it began, and as the end


def test_once_leaves_an_inbox_to_who_has_it(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "bad.txt").write_text("no image")
    other = OneWatcher(inbox, settings)
    other.hold()
    assert run(["watch", str(inbox), "--once"]) == ExitCode.SERVICE_UNREACHABLE
    other.let_go()
    assert "another `screen watch` has this inbox" in capsys.readouterr().err
    assert [path.name for path in inbox.iterdir()] == ["bad.txt"]


def test_a_watcher_waits_for_an_inbox_that_another_has(
    sqlite_database: Database, settings: Settings, installed_model: Manifest, broker: Broker, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "bad.txt").write_text("no image")
    other = OneWatcher(inbox, settings)
    other.hold()
    said: list[str] = []

    def hears(line: str) -> None:
        said.append(line)
        assert (inbox / "bad.txt").exists()
        other.let_go()

    def ends(_line: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(troubles, "talk", hears)
    monkeypatch.setattr(watching, "data", ends)  # a batch of refused files is complete at once
    watching.watch(Inbox(inbox, 0.2), 0.2, once=False, as_json=False)
    assert said == ["another `screen watch` has this inbox and takes what is dropped there; trying again."]
    assert (inbox / "rejected" / "bad.txt").exists()
    other.hold()  # it was let go
    other.let_go()


@pytest.mark.parametrize(("once", "code"), [([], ExitCode.DONE), (["--once"], ExitCode.INTERRUPTED)])
def test_who_waited_for_results_learns_that_he_was_interrupted(
    once: list[str], code: ExitCode, sqlite_database: Database, settings: Settings, installed_model: Manifest,
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "bad.txt").write_text("no image")
    monkeypatch.setattr(watching, "data", lambda _: os.kill(os.getpid(), signal.SIGTERM))  # of a complete batch
    assert run(["watch", str(tmp_path / "inbox"), "--settle", "0.2", "--rescan", "0.2", *once]) == code
    assert "Stopped watching; what was recorded stays recorded." in capsys.readouterr().err


def test_reasons_that_are_passed_over_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inbox, told = Inbox(tmp_path), 0
    (tmp_path / "1.jpg.reason.txt").write_text("unreadable\n")
    for _ in range(2):
        assert inbox.empty()
        told = watching._tell_of_what_stays(inbox, Troubles(), told)
    said = "Reasons of earlier rejections in the inbox passed over (.reason.txt): 1.\n"
    assert (told, capsys.readouterr().err) == (1, said)
