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

from models.checksum import sha256_hex
from models.distribution import fit
from models.errors import ModelInvalid
from models.networks.loaded import load
from models.networks.weights import dump_weights
from models.networks.with_features import with_features
from models.version import open_version


@pytest.fixture
def folder(write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any) -> Path:
    return write_version(tmp_path, "tiny-1", dump_weights(tiny_network))


def test_the_probabilities_are_those_of_keras(folder: Path, tiny_network: Any, pictures: np.ndarray) -> None:
    found = load(open_version(folder)).answers(pictures).malignant
    assert found.shape == (16,)
    assert found.dtype == np.float64
    assert found == pytest.approx(tiny_network.predict(pictures, verbose=0).reshape(-1), abs=1e-6)
    assert np.ptp(found) > 0.01


def test_a_picture_alone_scores_as_among_others(folder: Path, pictures: np.ndarray) -> None:
    network = load(open_version(folder))
    together = network.answers(pictures).malignant
    alone = np.concatenate([network.answers(pictures[n : n + 1]).malignant for n in range(16)])
    assert alone == pytest.approx(together, abs=1e-6)
    assert network.answers(pictures[::-1]).malignant == pytest.approx(together[::-1], abs=1e-6)
    assert network.answers(pictures[3:10]).malignant == pytest.approx(together[3:10], abs=1e-6)


def test_a_picture_alone_is_never_scored_alone(folder: Path, pictures: np.ndarray) -> None:
    """By a routine of its own it came out otherwise in the seventh decimal, and could not be found again."""
    network = load(open_version(folder))
    for n in range(4):
        alone, beside_itself = network.answers(pictures[n : n + 1]), network.answers(pictures[[n, n]])
        assert len(alone.malignant) == len(alone.reasons([None])) == 1
        assert alone.malignant[0] == beside_itself.malignant[0]


def test_the_calibration_of_the_manifest_is_applied(folder: Path, pictures: np.ndarray) -> None:
    before = load(open_version(folder)).answers(pictures).malignant
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["calibration"] = {"method": "temperature", "temperature": 2.0}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    after = load(open_version(folder)).answers(pictures).malignant
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
    found = load(open_version(made)).answers(pictures).malignant
    assert np.log(found / (1 - found)) == pytest.approx(np.log(mean / (1 - mean)) / 2, abs=1e-5)
    assert load(open_version(made)).answers(pictures[:, :, ::-1]).malignant == pytest.approx(found, abs=1e-6)


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


def test_a_picture_unlike_those_it_was_fitted_on_is_named(
    write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any, pictures: np.ndarray
) -> None:
    """Fitted on darker and lighter noise; pictures of one colour lie far off. The probabilities are as without it."""
    weights = dump_weights(tiny_network)
    plain = write_version(tmp_path, "plain-1", weights)
    layers = ["pool_1", "pool_2", "pool_3"]
    random = np.random.default_rng(3)
    known = (random.integers(0, 256, (400, *pictures.shape[1:])) * random.uniform(0.3, 1, (400, 1, 1, 1))).astype(
        np.uint8
    )
    eyes = with_features(tiny_network, layers)
    written = fit(np.asarray(eyes.predict(known, verbose=0)["features"])).dump()
    entry = {"file": "d.safetensors", "sha256": sha256_hex(written), "layers": layers, "limit": 2.5}
    folder = write_version(tmp_path, "wary-1", weights, distribution=entry)
    (folder / "d.safetensors").write_bytes(written)
    even = np.full_like(pictures[:2], 200)
    found = load(open_version(folder)).answers(np.concatenate([known[:30], even]))
    assert [reason is None for reason in found.reasons([None] * 32)] == [True] * 30 + [False] * 2
    assert str(found.reasons([None] * 32)[-1]).startswith(
        "unlike the pictures that the network learned from: distance "
    )
    assert found.malignant[:30] == pytest.approx(load(open_version(plain)).answers(known[:30]).malignant, abs=1e-6)

    (folder / "d.safetensors").write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
    with pytest.raises(ModelInvalid, match="the distribution file is not the one of the manifest"):
        load(open_version(folder))
