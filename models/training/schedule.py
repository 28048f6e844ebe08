"""Learning rates that fall along a cosine, as often as the recipe asks (SGDR, Loshchilov and Hutter, 1608.03983)."""

from __future__ import annotations

import math
from typing import Any

from models.networks.backend import import_keras

keras = import_keras()
Schedule: Any = keras.optimizers.schedules.LearningRateSchedule


class Cycles(Schedule):
    """Linear warm-up, then one cosine from the peak to 0 for each cycle; later cycles begin at a share of the peak."""

    def __init__(self, peak: float, warmup: int, ends: list[int], later: float) -> None:
        """`warmup` and the `ends` of the cycles are counted in steps from the first; `later` is 0..1."""
        super().__init__()
        self.peak, self.warmup, self.ends, self.later = peak, warmup, ends, later

    def __call__(self, step: Any) -> Any:
        ops = keras.ops
        step = ops.cast(step, "float32")
        rate = self.peak * step / max(1, self.warmup)
        start, peak = self.warmup, self.peak
        for end in self.ends:
            share = ops.clip((step - start) / max(1, end - start), 0.0, 1.0)
            rate = ops.where(step >= start, peak * 0.5 * (1 + ops.cos(math.pi * share)), rate)
            start, peak = end, self.peak * self.later
        return rate

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup": self.warmup, "ends": self.ends, "later": self.later}
