"""Changes that the operating system announces; a name that its messenger cannot read does not silence it."""

import os
import threading
from pathlib import Path

import pytest

from cli import watching
from scheduler.inbox import Inbox

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
