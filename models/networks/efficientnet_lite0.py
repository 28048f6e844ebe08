"""EfficientNet-Lite0: 16 blocks.

3,372,289 parameters with one output (4.65 M with the 1,000 classes of ImageNet).
"""

from __future__ import annotations

from typing import Any

from models.networks.efficientnet_lite import FEATURE_MAP, Stage, efficientnet_lite

__all__ = ["DISTRIBUTION_LAYERS", "FEATURE_MAP", "STAGES", "build"]

DISTRIBUTION_LAYERS = ("block_2_add", "block_4_add", "block_10_add")  # whose channel means tell strange pictures

STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)


def build(input_size: int, units: int = 1) -> Any:
    """Untrained network: (n, input_size, input_size, 3) in 0..255 -> (n, units), 0..1 (`models.networks.head`)."""
    return efficientnet_lite("efficientnet_lite0", STAGES, input_size, units)
