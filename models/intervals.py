"""Confidence intervals of a proportion."""

from __future__ import annotations

from math import sqrt


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % score interval of hits/total, each bound 0..1; (0, 1) where nothing was counted.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22 (1927).
    """
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, z * z
    centre = share + square / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, (centre - spread) / (1 + square / total)), min(1.0, (centre + spread) / (1 + square / total))
