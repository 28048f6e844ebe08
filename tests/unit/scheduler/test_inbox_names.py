"""Names of an inbox's files stay in the data folder, as those of a nightly folder do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from scheduler import natural_order
from scheduler.inbox import Inbox
from scheduler.intake import Request


def test_the_names_of_a_large_inbox_are_sorted_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, home = tmp_path / "inbox", tmp_path / "home"
    for folder in (inbox, home):
        folder.mkdir()
    (inbox / "Doe Jane.jpg").write_bytes(b"x")
    monkeypatch.setattr(natural_order, "RUN", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert not Inbox(inbox, 0.0, Request(source="inbox"), home).empty()
