"""Iterables in pieces, so that memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def pages(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` items each (itertools.batched, which Python 3.11 does not have)."""
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page
