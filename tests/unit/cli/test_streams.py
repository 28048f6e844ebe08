"""Whoever stops reading stdout or stderr stops no work, and changes no exit code."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cli import streams
from cli.main import run
from storage.database import Database
from storage.schedules import put
from storage.schema import AuditEvent
from storage.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
Screen = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def screen_to(settings: Settings, broken_pipe: int) -> Screen:
    """Runs `screen` with its streams led elsewhere by the shell; ``{pipe}`` is the broken one."""

    def call(leads: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        shell = f'exec "$@" {leads.format(pipe=broken_pipe)}'
        command = ["/bin/bash", "-c", shell, "bash", sys.executable, "-P", "-m", "cli.main", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, pass_fds=(broken_pipe,),
            env=os.environ | {"PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip

    return call


@pytest.fixture
def broken_pipe() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.fixture
def rejects(tmp_path: Path) -> str:
    """A folder of one file that is no picture: its batch is complete at once, with exit code 1."""
    folder = tmp_path / "ward"
    folder.mkdir()
    (folder / "note.jpg").write_text("no picture")
    return str(folder)


needs_linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")


@needs_linux
@pytest.mark.parametrize("leads", ["2>&{pipe}", "2>/dev/full", ">&{pipe}", ">&- 2>&-"])
def test_a_batch_is_recorded_whoever_listens(
    leads: str, screen_to: Screen, rejects: str, sqlite_database: Database
) -> None:
    done = screen_to(leads, "submit", rejects)
    assert (done.returncode, "Error" in done.stderr) == (1, False), done.stderr
    with sqlite_database.read() as session:
        assert session.scalars(select(AuditEvent.event)).all().count("batch.submitted") == 1


@needs_linux
def test_exit_codes_are_their_own(screen_to: Screen, sqlite_database: Database) -> None:
    assert screen_to("2>/dev/full", "status", "nope").returncode == 2
    assert screen_to(">&{pipe} 2>&{pipe}", "status", "nope").returncode == 2
    assert screen_to(">&-", "status", "--json").returncode == 0
    assert screen_to(">&{pipe}", "--help").returncode == 0


def test_a_report_whose_reader_has_gone(screen_to: Screen, rejects: str, sqlite_database: Database) -> None:
    assert run(["submit", rejects]) == 1
    assert screen_to(">&{pipe}", "report", "--all").returncode == 0
    with sqlite_database.read() as session:
        (body,) = session.scalars(select(AuditEvent.body).where(AuditEvent.event == "report.exported"))
    assert json.loads(body)["rows"] == -1


def test_a_trail_whose_reader_has_gone(screen_to: Screen, rejects: str, sqlite_database: Database) -> None:
    """Nobody has it: the trail must not say that its receiver does."""
    assert run(["submit", rejects]) == 1
    assert screen_to(">&{pipe}", "audit", "export", "--receiver", "inspectorate").returncode == 0
    with sqlite_database.read() as session:
        (body,) = session.scalars(select(AuditEvent.body).where(AuditEvent.event == "audit.exported"))
    assert json.loads(body)["events"] == -1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_was_said_was_said_whatever_ends_the_process(unbuffered: str) -> None:
    """Containers set PYTHONUNBUFFERED."""
    program = (
        "import os; from cli import output, streams; streams.make_safe(); output.talk('said'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (-9, "said\n")


def test_streams_in_memory_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", in_memory)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    streams.make_safe()
    assert sys.stdout is in_memory


def test_text_that_an_encoding_lacks(screen_to: Screen, sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        for folder in ("/Ω", "/a"):
            put(session, folder=folder, cron="0 0 * * *", reports="/r", site=None, submitter="me")
    done = screen_to("", "beat", "/a", "--off", "--json", PYTHONIOENCODING="latin-1")
    assert json.loads(done.stdout) == [{"folder": "/Ω", "at": "0 0 * * *", "reports": "/r"}]
    done = screen_to("", "status", "Ω", PYTHONIOENCODING="latin-1")
    assert (done.returncode, r"\u03a9" in done.stderr) == (2, True)
