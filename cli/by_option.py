"""`--by`, which means the same in every command that changes something: who ordered it, for the audit chain."""

from __future__ import annotations

import click

from cli.short_text import NAME


def _or_user(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    from storage.processes import os_user

    return given or os_user()


by_option = click.option(
    "--by",
    "actor",
    type=NAME,
    metavar="NAME",
    callback=_or_user,
    help="Who does this. Default: the user of this process.",
)
