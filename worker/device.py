"""Which processor a worker uses."""

from __future__ import annotations

import os
import shutil
import subprocess

from models.errors import UsageFault


def gpus() -> list[str]:
    """Names of the NVIDIA GPUs that the driver lists, without importing a framework."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):  # a driver that hangs has no GPU to offer
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.startswith("GPU ")]


def resolve(device: str) -> str:
    """``cpu`` or ``gpu`` for what was asked. Raises UsageFault when a GPU was asked for and none is there."""
    if device == "cpu":
        return "cpu"
    found = gpus()
    if device == "gpu" and not found:
        raise UsageFault("a GPU was asked for and the driver lists none; use --device cpu or auto")
    return "gpu" if found else "cpu"


def apply(device: str) -> None:
    """Set the process up for a device, before the framework is imported."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    else:
        # take memory as it is needed: a worker shares the GPU with the site's other programs
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
