"""What to train, from what, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Order:
    """What to train: data folder (with a folder a class), groups of copies, where to, and from which seed.

    ``malignant``: the classes that count as such; none: the folders are benign/ and malignant/.
    """

    architecture: str
    data: Path
    output: Path
    name: str
    groups: Path | None = None
    epochs: int | None = None
    seed: int = 7
    resume: bool = False
    malignant: tuple[str, ...] = ()
