"""A network for the fault tests: scores a picture by its mean brightness, and waits at a gate while that is closed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.answers import Answers
from models.version import ModelVersion

PACE_SECONDS = float(os.environ.get("HARM_PACE", "0"))  # spent on each call of the network
GATE = Path(os.environ["DERMSCREEN_HOME"]) / "gate"  # a folder; while it holds a file `closed`, no score is given


class StubNetwork:
    """What screening needs of a network. Its weights are checked like those of a real one."""

    def __init__(self, version: ModelVersion) -> None:
        version.verified_weights()
        self.version = version

    def answers(self, pictures: NDArray[np.uint8]) -> Answers:
        if (GATE / "closed").exists():
            waits = GATE / str(os.getpid())
            waits.touch()
            while (GATE / "closed").exists():
                time.sleep(0.01)
            waits.unlink()
        time.sleep(PACE_SECONDS)
        brightness: NDArray[np.float64] = pictures.mean(axis=(1, 2, 3), dtype=np.float64) / 255
        return Answers(brightness)
