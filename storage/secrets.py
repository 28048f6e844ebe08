"""URLs as they may be shown."""

from __future__ import annotations

import re

# the password reaches to the last @: SQLAlchemy takes one with / ? # [ in it, and people forget to quote it
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*://)?(?:(?P<user>[^:/?#@]*):.*@)?(?P<place>[^?#]*)(?P<query>\?)?", re.DOTALL
)


def hide_secrets(url: str) -> str:
    """The URL with its password and its query (which may carry one) replaced by ``***``."""
    parts = _URL.match(url)
    assert parts is not None  # noqa: S101 - every part may be empty
    credentials = "" if parts["user"] is None else f"{parts['user']}:***@"
    return f"{parts['scheme'] or ''}{credentials}{parts['place']}{'?***' if parts['query'] else ''}"
