"""Names from outside stay in their line and steer nothing."""

from __future__ import annotations

import pytest

from models.printable import printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Läsion 2.jpg", "Läsion 2.jpg"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
    ],
)
def test_what_does_not_print_is_written_out(text: str, line: str) -> None:
    assert printable(text) == line
