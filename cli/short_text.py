"""Options whose text goes into a column of so many characters: PostgreSQL refuses more, long after it was typed."""

from __future__ import annotations

from typing import Any

import click

from cli.utf8 import Utf8Text


class ShortText(Utf8Text):
    """UTF-8 of at most ``limit`` characters."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        typed = super().convert(value, param, ctx)
        if len(typed) > self.limit:
            self.fail(f"expected at most {self.limit} characters, received {len(typed)}", param, ctx)
        return typed


# a test compares them with storage.schema, which is too heavy for `screen --help`
NAME = ShortText(200)
CRON = ShortText(100)
