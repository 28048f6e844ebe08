"""Making a group of commands."""

from __future__ import annotations

import click

from cli.main import LazyGroup


def group(name: str, help_text: str, commands: list[str]) -> click.Group:
    """A group whose commands lie in ``cli.commands.NAME``."""
    modules = {item: f"cli.commands.{name}.{item.replace('-', '_')}" for item in commands}
    return LazyGroup(name, help=help_text, modules=modules)
