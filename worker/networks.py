"""Networks in memory: loaded once per process, checked when they are loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.answers import Answers
from models.catalogue import find
from models.errors import ModelInvalid
from models.extras import to_install
from models.preprocessing import preprocessing
from models.version import ModelVersion


class Network(Protocol):
    """What screening needs of a network."""

    version: ModelVersion

    def answers(self, pictures: NDArray[np.uint8]) -> Answers: ...


Loader = Callable[[ModelVersion], Network]


def load_network(version: ModelVersion) -> Network:
    """The network that an architecture's code builds, filled with verified weights. Raises ModelInvalid."""
    try:
        from models.networks.loaded import load  # keras: 4-7 s, and never in a process that forks

        return load(version)
    except ImportError as error:
        how = to_install("cpu")
        raise ModelInvalid(f"no network can run here: {error}; install the extra cpu or gpu: {how}") from error


class Networks:
    """The model versions that this process has loaded."""

    def __init__(self, home: Path, load: Loader = load_network) -> None:
        self._home, self._load = home, load
        self._loaded: dict[str, Network] = {}

    def version(self, name: str) -> ModelVersion:
        """The model version of a name, not loaded. Raises ModelInvalid when it is missing or its manifest is broken."""
        return find(name, self._home)

    def get(self, name: str) -> Network:
        """The network of a model version. Raises ModelInvalid when it is missing or not what its manifest says."""
        if name not in self._loaded:
            version = self.version(name)
            preprocessing(version.manifest.preprocessing)  # an unknown one is found here, not at each picture
            self._loaded[name] = self._load(version)
        return self._loaded[name]
