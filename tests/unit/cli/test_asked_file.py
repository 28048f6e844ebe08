"""What --output is asked to write takes the place of a file alone, and follows a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.main import run
from storage.database import Database

COMMANDS = [
    ["report"],
    ["audit", "export"],
    ["audit", "verifier"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_stays_a_pipe(
    command: list[str], sqlite_database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run([*command, "--output", str(pipe)]) == 2
    assert "expected a file, received a folder or a device" in capsys.readouterr().err
    assert pipe.is_fifo()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_link_leads_to_the_file(command: list[str], sqlite_database: Database, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    assert run([*command, "--output", str(link)]) == 0
    assert link.is_symlink()
    assert target.read_text() != "old"
