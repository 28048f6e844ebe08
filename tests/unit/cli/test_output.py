"""Tables for people: whatever a file is called, and however narrow the terminal is."""

import sys

import pytest

from cli import output

ROWS = [["a\tb\n\x1b[31m[/red].jpg", "0.9"], ["2.jpg", ""]]


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "60")


def test_names_do_not_break_lines_or_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("Flagged", ["image", "probability"], ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "image\tprobability",
        r"a\tb\n\x1b[31m[/red].jpg" + "\t0.9",
        "2.jpg\t",
    ]


def test_names_are_no_markup_and_steer_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch)
    output.table("Flagged [/b]", ["image", "probability"], ROWS)
    shown = capsys.readouterr().out
    assert r"a\tb\n\x1b[31m[/red].jpg" in shown
    assert "Flagged [/b]" in shown
    assert "\x1b[31m" not in shown


def test_a_table_too_wide_for_the_terminal_is_blocks_of_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_a_terminal(monkeypatch)
    columns = ["batch", *(f"column {number}" for number in range(12))]
    output.table("Batches", columns, [["20261121-093000-1f2e3d", *map(str, range(11)), ""]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["Batches", "", "batch      20261121-093000-1f2e3d", "column 0   0"]
    assert len(lines) == 2 + 12  # the empty cell has no line
