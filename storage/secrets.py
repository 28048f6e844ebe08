"""URLs as they may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def hide_secrets(url: str) -> str:
    """The URL with its password and its query (which may carry one) replaced by ``***``."""
    parts = urlsplit(url)
    netloc = parts.netloc
    if "@" in netloc:
        credentials, _, host = netloc.rpartition("@")
        user, colon, _ = credentials.partition(":")
        netloc = f"{user}:***@{host}" if colon else f"{user}@{host}"
    shown = urlunsplit((parts.scheme, netloc, parts.path, "***" if parts.query else "", ""))
    # urlunsplit drops the empty authority of sqlite:///file and socket URLs
    return shown if netloc or not url.startswith(f"{parts.scheme}://") else f"{parts.scheme}://{parts.path}"
