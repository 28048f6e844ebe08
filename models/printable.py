"""Text from outside, as a line that people may read in a terminal or a text file."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with \\n, \\x1b and the like for what is no print: a file's name must not steer a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
