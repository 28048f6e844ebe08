"""stdout is data, stderr is talk."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from models.printable import printable

_FOLDED = 20  # columns of a terminal: a longer word, such as a path, may go on in the next line


def data(text: str) -> None:
    """A line of data, on stdout."""
    click.echo(text)


def data_json(value: Any) -> None:
    """One JSON value, on stdout."""
    indent = None if isinstance(value, dict) else 1
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # JSON has \u of its own, for a terminal's encoding and for a name that is not UTF-8
        text = json.dumps(value, indent=indent)
    click.echo(text)


def talk(text: str) -> None:
    """A line for the person who looks on, on stderr."""
    # not click.echo: it keeps the stream of the first call, and a line must stand above a live progress bar
    sys.stderr.write(f"{text}\n")


def talks_to_a_terminal() -> bool:
    """Whether the talk is seen live (progress bars) or kept in a log (plain lines)."""
    return sys.stderr.isatty()


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table for people, on stdout: rich in a terminal, tab-separated lines elsewhere.

    In a terminal too narrow for it each row is a block of lines, one for each column that is not empty.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            data("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=Text(title), title_justify="left")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))  # not str: rich takes [red] in a file's name for a colour
    console = Console()
    if _needed(columns, rows) <= console.width:
        console.print(shown)
        return
    data(title)
    width = max(map(len, columns))
    for row in rows:
        data("")
        for column, cell in zip(columns, row, strict=True):
            if cell:
                data(f"{column:<{width}}  {cell}")


def _needed(columns: list[str], rows: list[list[str]]) -> int:
    """The width, in columns of a terminal, at which a table with its lines breaks no word of usual length."""
    words = (
        max(len(word) for cell in column for word in cell.split() or [""])
        for column in zip(columns, *rows, strict=True)
    )
    return sum(min(longest, _FOLDED) + 3 for longest in words) + 1
