"""URLs as they may be shown."""

from __future__ import annotations

import re

# the password reaches to the last @: SQLAlchemy takes one with / ? # [ in it, and people forget to quote it
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][\w+.-]*://)?(?:(?P<user>[^:/?#@]*):.*@)?(?P<place>[^?#]*)(?P<query>\?)?", re.DOTALL
)
_OPTIONS = re.compile(r"[A-Za-z_][\w.-]*=")
QUOTING = "in the password %XX for each of / ? # @ : % [ ]"


def hide_secrets(url: str) -> str:
    """The URL with its password and its query (which may carry one) replaced by ``***``."""
    parts = _URL.match(url)
    assert parts is not None  # noqa: S101 - every part may be empty
    credentials = "" if parts["user"] is None else f"{parts['user']}:***@"
    return f"{parts['scheme'] or ''}{credentials}{parts['place']}{'?***' if parts['query'] else ''}"


def misread(url: str, host: str | None) -> bool:
    """Whether ``host``, as a library read it off the URL, is another than the one behind the last ``@``.

    Then the URL was split inside of its password, and the host would be told, and asked of the DNS, as a part of it.
    """
    rest = url.partition("://")[2]
    before, _, query = rest.partition("?")
    if _OPTIONS.match(query):  # an @ in there is no password's end: ?user=joe@clinic
        rest = before
    if "@" not in rest or rest.startswith("/"):  # without credentials, as in redis+socket:///srv/a@b/valkey.sock
        return False
    behind = rest.rpartition("@")[2]
    return not re.match(rf"\[?{re.escape(host or '')}\]?([:/?#,]|$)", behind, re.IGNORECASE)
