"""One rounding for every number that a decision hangs on."""

from __future__ import annotations

DECIMALS = 6


def decimal(value: float) -> float:
    """Round to six decimals: what is printed is exactly what was judged, so 0.430000 is never below 0.430000."""
    return round(float(value), DECIMALS)


def text(value: float) -> str:
    """A probability or threshold as text with six decimals."""
    return f"{value:.{DECIMALS}f}"
