"""EfficientNet-Lite2: 21 blocks; channels 1.1 and repeats 1.2 times those of Lite0, rounded as the paper's code does.

4,812,353 parameters with one output (6.09 M with the 1,000 classes of ImageNet).
"""

from __future__ import annotations

from typing import Any

from models.networks.efficientnet_lite import FEATURE_MAP, Stage, efficientnet_lite

__all__ = ["DISTRIBUTION_LAYERS", "FEATURE_MAP", "STAGES", "build"]

DISTRIBUTION_LAYERS = ("block_2_add", "block_8_add")  # whose channel means tell strange pictures

STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 3),
    Stage(6, 5, 2, 48, 3),
    Stage(6, 3, 2, 88, 4),
    Stage(6, 5, 1, 120, 4),
    Stage(6, 5, 2, 208, 5),
    Stage(6, 3, 1, 352, 1),
)


def build(input_size: int, units: int = 1) -> Any:
    """Untrained network: (n, input_size, input_size, 3) in 0..255 -> (n, units), 0..1 (`models.networks.head`)."""
    return efficientnet_lite("efficientnet_lite2", STAGES, input_size, units)
