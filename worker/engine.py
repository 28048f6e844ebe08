"""What this process computes with: the versions of its libraries, and its processor."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from models.manifest import Manifest
from storage.engines import Computed
from worker.device import gpus

# packages that decide about the digits of a probability, by the module that says whether they take part
LIBRARIES = {"keras": ("keras",), "tensorflow": ("tensorflow", "tensorflow-cpu"), "torch": ("torch",), "jax": ("jax",)}
ALWAYS = ("numpy", "pillow")


def computed(manifest: Manifest) -> Computed:
    """With what predictions of a model version are computed here. Ask once the network is loaded."""
    return Computed(manifest.weights_sha256, libraries(), device())


def libraries() -> str:
    """Names and versions, such as ``keras 3.12.0, tensorflow 2.20.0, numpy 2.3.1, pillow 13.0.0``."""
    taking_part = [names for module, names in LIBRARIES.items() if module in sys.modules]
    found = [found for names in taking_part if (found := _installed(names))]
    return ", ".join([*found, *(said for name in ALWAYS if (said := _installed((name,))))])


@cache  # asked at every chunk, and each answer is a file that is read
def _installed(names: tuple[str, ...]) -> str | None:
    """Of several builds of one module, the one that is installed."""
    for name in names:
        try:
            return f"{names[0]} {version(name)}"
        except PackageNotFoundError:
            continue
    return None


@cache
def device() -> str:
    """The graphics processors that this process may use, else its processor."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") not in ("-1", "") and (found := gpus()):
        return "gpu: " + "; ".join(name.partition(" (UUID")[0] for name in found)
    return f"cpu: {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
