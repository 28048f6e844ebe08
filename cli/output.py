"""stdout is data, stderr is talk."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


def data(text: str) -> None:
    """A line of data, on stdout."""
    click.echo(text)


def data_json(value: Any) -> None:
    """One JSON value, on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=None if isinstance(value, dict) else 1))


def talk(text: str) -> None:
    """A line for the person who looks on, on stderr."""
    # not click.echo: it keeps the stream of the first call, and a line must stand above a live progress bar
    sys.stderr.write(f"{text}\n")


def talks_to_a_terminal() -> bool:
    """Whether the talk is seen live (progress bars) or kept in a log (plain lines)."""
    return sys.stderr.isatty()


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table for people, on stdout: rich in a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in [columns, *rows]:
            data("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
