"""What to train, from what, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What to train: data folder (with benign/ and malignant/), groups of copies, where to, and from which seed."""

    architecture: str
    data: Path
    output: Path
    name: str
    groups: Path | None = None
    epochs: int | None = None
    seed: int = 7
    resume: bool = False
