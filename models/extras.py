"""How an optional part of dermscreen is installed: the words for whoever lacks it."""

from __future__ import annotations


def to_install(extras: str) -> str:
    """The command for extras of pyproject.toml, such as ``export,cpu``.

    From the repository, never by name: no index has a dermscreen, and what it had under that name would not be ours.
    """
    return f"pip install -e '.[{extras}]' in the folder of the repository"
