"""Canonical JSON (RFC 8785) of what audit events hold: text and integers, no other kind."""

from __future__ import annotations

import json
from collections.abc import Mapping

SAFE_INTEGER = 2**53 - 1  # beyond it JSON readers that know only doubles read another number (RFC 7493)


def canonical(value: Mapping[str, str | int]) -> str:
    """One line of JSON: sorted keys, no blanks, nothing escaped that need not be.

    Raises ValueError for what RFC 8785 cannot hold: an integer beyond 2^53, a key that is not ASCII (it sorts by
    UTF-16, Python by code point), half of a surrogate pair.
    """
    for key, item in value.items():
        if not key.isascii():
            raise ValueError(f"a key of an audit event is ASCII, received {key!r}")
        if isinstance(item, bool) or not isinstance(item, str | int):
            raise ValueError(f"{key}: an audit event holds text and integers, received {type(item).__name__}")
        if isinstance(item, int) and abs(item) > SAFE_INTEGER:
            raise ValueError(f"{key}: {item} is beyond 2^53: give it as text")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text.encode()  # half of a surrogate pair fails here
    return text
