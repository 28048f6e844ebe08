"""Which processor a worker uses. The driver's program is a script of ours in the PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.errors import UsageFault
from worker import device

TWO = 'echo "GPU 0: NVIDIA L4 (UUID: GPU-1)"\necho "GPU 1: NVIDIA L4 (UUID: GPU-2)"\n'
NO_DRIVER = 'echo "NVIDIA-SMI has failed because it could not communicate with the driver"\nexit 9\n'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that holds nothing yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(path: Path, lines: str) -> None:
    tool = path / "nvidia-smi"
    tool.write_text(f'#!/bin/sh\n[ "$*" = "-L" ] || exit 2\n{lines}')
    tool.chmod(0o755)


def test_no_driver_no_gpu(path: Path) -> None:
    assert device.gpus() == []
    assert device.resolve("auto") == "cpu"


def test_a_driver_that_does_not_work_is_no_gpu(path: Path) -> None:
    install(path, NO_DRIVER)
    assert device.gpus() == []
    assert device.resolve("auto") == "cpu"


def test_gpus_are_listed(path: Path) -> None:
    install(path, TWO)
    assert device.gpus() == ["GPU 0: NVIDIA L4 (UUID: GPU-1)", "GPU 1: NVIDIA L4 (UUID: GPU-2)"]
    assert device.resolve("auto") == "gpu"
    assert device.resolve("gpu") == "gpu"


def test_the_cpu_can_be_chosen_beside_a_gpu(path: Path) -> None:
    install(path, TWO)
    assert device.resolve("cpu") == "cpu"


def test_a_gpu_that_is_not_there_is_no_silent_cpu(path: Path) -> None:
    with pytest.raises(UsageFault, match="the driver lists none; use --device cpu or auto"):
        device.resolve("gpu")


def test_the_cpu_hides_every_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    device.apply("cpu")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"


def test_a_gpu_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH")
    device.apply("gpu")
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_what_a_person_has_set_for_the_gpu_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    device.apply("gpu")
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"
