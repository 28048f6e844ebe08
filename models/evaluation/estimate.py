"""A measured number with its 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.rounding import DECIMALS

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """``value`` None: not defined on these images. ``interval`` None: they cannot tell how far it may be off."""

    value: float | None
    interval: Interval | None = None

    def as_json(self) -> dict[str, Any]:
        """Six decimals: ``{"value": 0.943569, "interval": [0.93, 0.95]}``."""
        return {
            "value": None if self.value is None else round(self.value, DECIMALS),
            "interval": None if self.interval is None else [round(bound, DECIMALS) for bound in self.interval],
        }
