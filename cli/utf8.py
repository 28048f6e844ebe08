"""Words of a command line that go into the database, which holds UTF-8 alone: asked for before the work begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


class Utf8Text(click.ParamType[str]):
    """A name, such as that of a receiver or a batch. Bytes that are not UTF-8 are refused (exit code 2)."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _expect_utf8(str(value), self, param, ctx)


class Utf8Path(click.Path):
    """A path that the database keeps as text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        _expect_utf8(str(value), self, param, ctx)
        _expect_utf8(str(Path(value).absolute()), self, param, ctx)
        return super().convert(value, param, ctx)


def _expect_utf8(
    text: str, kind: click.ParamType[Any], param: click.Parameter | None, ctx: click.Context | None
) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        from storage.paths import shown

        kind.fail(f"expected UTF-8, received {shown(text)}", param, ctx)
    return text


UTF8 = Utf8Text()
