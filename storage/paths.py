"""Paths as text that every database and every CSV can hold: file names are bytes, and a few are not UTF-8."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes


def is_folder(name: str) -> bool:
    """Whether what somebody typed is a folder. Of what can be none, being too long or in a closed folder: no."""
    try:
        return Path(name).is_dir()
    except OSError:  # Path.is_dir takes only a few of them for a no
        return False


def shown(path: str) -> str:
    r"""A path for people and reports: bytes that are not UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def to_location(path: str) -> str:
    """The absolute path by which a file is found again: as it is, or as a ``file://`` URL where it is not UTF-8."""
    absolute = os.fspath(Path(path).absolute())
    try:
        absolute.encode("utf-8")
    except UnicodeEncodeError:
        return "file://" + quote_from_bytes(os.fsencode(absolute))
    return absolute


def to_path(location: str) -> str:
    """The local path behind ``to_location``."""
    if location.startswith("file://"):
        return os.fsdecode(unquote_to_bytes(location.removeprefix("file://")))
    return location
