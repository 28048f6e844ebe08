"""What a manifest says of how well several classes were told apart, checked before anybody prints it."""

from __future__ import annotations

from typing import Any

from models.classes import Classes


def checked_class_metrics(classes: Classes, value: Any) -> dict[str, Any]:
    """By part of the split: ``images``, ``accuracy``, ``balanced_accuracy``, ``confusion`` and ``by_class``, the last
    two with every class; none where nothing was measured. Raises ValueError that names the first that is not so."""
    if value is None:
        return {}
    for part, found in _object(value, "by part").items():
        _object(found, part)
        _count(found.get("images"), f"{part}.images")
        for name in ("accuracy", "balanced_accuracy"):
            _estimate(found.get(name), f"{part}.{name}")
        rows = _object(found.get("confusion"), f"{part}.confusion").get("images")
        size = len(classes.names)
        if not (isinstance(rows, list) and len(rows) == size and all(_is_row(row, size) for row in rows)):
            raise ValueError(f"{part}.confusion.images: expected {size} rows of {size} counts, received {rows!r}")
        by_class = _object(found.get("by_class"), f"{part}.by_class")
        for name in classes.names:
            row = _object(by_class.get(name), f"{part}.by_class.{name}")
            _count(row.get("images"), f"{part}.by_class.{name}.images")
            for rate in ("sensitivity", "roc_auc"):
                _estimate(row.get(rate), f"{part}.by_class.{name}.{rate}")
    return dict(value)


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, received {value!r}")
    return value


def _is_row(row: Any, size: int) -> bool:
    return isinstance(row, list) and len(row) == size and all(_is_count(number) for number in row)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _count(value: Any, where: str) -> None:
    if not _is_count(value):
        raise ValueError(f"{where}: expected a count, received {value!r}")


def _estimate(value: Any, where: str) -> None:
    """A number of 0..1 or none, and its interval: two of them, or none."""
    found = _object(value, where)
    interval = found.get("interval")
    bounds = [] if interval is None else interval
    numbers = [found.get("value"), *bounds] if isinstance(bounds, list) and len(bounds) in (0, 2) else ["?"]
    if not all(each is None or (isinstance(each, int | float) and 0 <= each <= 1) for each in numbers):
        raise ValueError(f"{where}: expected value and interval of 0..1, or null, received {value!r}")
