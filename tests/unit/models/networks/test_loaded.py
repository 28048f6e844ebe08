"""A loaded network says what keras says, however the pictures are batched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save

from models.errors import ModelInvalid
from models.networks.loaded import load
from models.networks.weights import dump_weights
from models.version import open_version


@pytest.fixture
def folder(write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any) -> Path:
    return write_version(tmp_path, "tiny-1", dump_weights(tiny_network))


def test_the_probabilities_are_those_of_keras(folder: Path, tiny_network: Any, pictures: np.ndarray) -> None:
    found = load(open_version(folder)).probabilities(pictures)
    assert found.shape == (16,)
    assert found.dtype == np.float64
    assert found == pytest.approx(tiny_network.predict(pictures, verbose=0).reshape(-1), abs=1e-6)
    assert np.ptp(found) > 0.01


def test_a_picture_alone_scores_as_among_others(folder: Path, pictures: np.ndarray) -> None:
    network = load(open_version(folder))
    together = network.probabilities(pictures)
    alone = np.concatenate([network.probabilities(pictures[n : n + 1]) for n in range(16)])
    assert alone == pytest.approx(together, abs=1e-6)
    assert network.probabilities(pictures[::-1]) == pytest.approx(together[::-1], abs=1e-6)
    assert network.probabilities(pictures[3:10]) == pytest.approx(together[3:10], abs=1e-6)


def test_the_calibration_of_the_manifest_is_applied(folder: Path, pictures: np.ndarray) -> None:
    before = load(open_version(folder)).probabilities(pictures)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["calibration"] = {"method": "temperature", "temperature": 2.0}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    after = load(open_version(folder)).probabilities(pictures)
    assert np.log(after / (1 - after)) == pytest.approx(np.log(before / (1 - before)) / 2, abs=1e-6)
    assert not np.allclose(after, before)


@pytest.mark.parametrize("views", [2, 4])
def test_the_mean_over_views_comes_before_the_calibration(
    views: int, write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any, pictures: np.ndarray
) -> None:
    calibration = {"method": "temperature", "temperature": 2.0}
    made = write_version(tmp_path, "tiny-1", dump_weights(tiny_network), views=views, calibration=calibration)
    looks = [pictures, pictures[:, :, ::-1], pictures[:, ::-1], pictures[:, ::-1, ::-1]][:views]
    mean = np.mean([tiny_network.predict(np.ascontiguousarray(look), verbose=0) for look in looks], axis=0).reshape(-1)
    found = load(open_version(made)).probabilities(pictures)
    assert np.log(found / (1 - found)) == pytest.approx(np.log(mean / (1 - mean)) / 2, abs=1e-5)
    assert load(open_version(made)).probabilities(pictures[:, :, ::-1]) == pytest.approx(found, abs=1e-6)


def test_it_knows_its_version(folder: Path) -> None:
    version = open_version(folder)
    assert load(version).version is version


def test_altered_weights_are_not_loaded(folder: Path) -> None:
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(ModelInvalid, match="expected SHA-256 "):
        load(open_version(folder))


def test_an_unknown_architecture_is_not_loaded(write_version: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match=r"^unknown architecture: expected one of .*hidri.*, received 'vgg'$"):
        load(open_version(write_version(tmp_path, architecture="vgg")))


def test_weights_of_another_network_are_not_loaded(
    write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any
) -> None:
    """Their checksum is right: the manifest was written for them."""
    tensors = load_tensors(dump_weights(tiny_network)) | {"hidri/conv_1/bias": np.zeros(31, np.float32)}
    with pytest.raises(ModelInvalid, match=r"^weight hidri/conv_1/bias: expected shape \(32,\), received \(31,\)$"):
        load(open_version(write_version(tmp_path, "tiny-1", save(tensors))))
