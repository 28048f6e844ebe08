"""The order in which people count: 2.jpg before 10.jpg."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: numbers by value, text without regard to case; the text itself breaks ties."""
    parts = _DIGITS.split(name.casefold())
    key = tuple((0, int(part), "") if index % 2 else (1, 0, part) for index, part in enumerate(parts))
    return (*key, (-1, 0, name))
