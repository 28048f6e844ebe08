"""Names of classes as people type them: an option given several times, each with one name or several by commas."""

from __future__ import annotations

from collections.abc import Sequence


def class_names(typed: Sequence[str]) -> tuple[str, ...]:
    """``("mel", "bcc, akiec")`` -> ``("mel", "bcc", "akiec")``; empty names and repetitions are passed over."""
    names = (name.strip() for given in typed for name in given.split(","))
    return tuple(dict.fromkeys(name for name in names if name))
