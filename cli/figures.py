"""Figures as people read them."""

from __future__ import annotations

from models.evaluation.estimate import Estimate


def plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def decimals(estimate: Estimate) -> str:
    """``0.944 (0.931-0.956)``."""
    if estimate.value is None:
        return "not defined"
    if estimate.interval is None:
        return f"{estimate.value:.3f} (no interval: these images cannot tell one)"
    return f"{estimate.value:.3f} ({estimate.interval[0]:.3f}-{estimate.interval[1]:.3f})"


def percent(estimate: Estimate) -> str:
    """``96.9 % (95.3-98.3)``."""
    if estimate.value is None:
        return "not defined"
    if estimate.interval is None:
        return f"{percent_of(estimate.value)} (no interval: these images cannot tell one)"
    low, high = (f"{100 * bound:.1f}" for bound in estimate.interval)
    return f"{percent_of(estimate.value)} ({low}-{high})"


def percent_of(value: float) -> str:
    """A share, 0..1, as ``96.9 %``; whole percents without decimals only where that is exact."""
    text = f"{100 * value:.1f}"
    return f"{text.removesuffix('.0') if abs(100 * value - round(100 * value)) < 1e-9 else text} %"


def as_given(share: float) -> str:
    """A share that somebody typed, 0..1, in percent with every digit of it: 0.0004 is ``0.04 %``, not ``0.0 %``."""
    return f"{100 * share:.10g} %"
