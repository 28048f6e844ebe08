"""A network is loaded once, and a model version that is not what it should be is never used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalogue import DEFAULT_MODEL, find
from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.manifest import Manifest
from models.version import ModelVersion
from storage.settings import Settings
from worker.networks import Networks, load_network


class Loader:
    """Loads nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, version: ModelVersion) -> Any:
        self.loaded.append(version.name)
        return object()


def install(settings: Settings, manifest: Manifest, **changes: Any) -> Path:
    raw = manifest.raw | changes
    folder = settings.home / "models" / str(raw["name"])
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(raw))
    return folder


def test_each_version_is_loaded_once(settings: Settings, manifest: Manifest) -> None:
    install(settings, manifest, name="a-1")
    install(settings, manifest, name="b-1")
    loader = Loader()
    networks = Networks(settings.home, loader)
    assert loader.loaded == []
    first = networks.get("a-1")
    assert networks.get("a-1") is first
    assert networks.get("b-1") is not first
    assert networks.get("a-1") is first
    assert loader.loaded == ["a-1", "b-1"]


def test_an_unknown_model_is_refused_until_it_is_installed(settings: Settings, manifest: Manifest) -> None:
    networks = Networks(settings.home, Loader())
    with pytest.raises(ModelInvalid, match="no model version 'a-1'"):
        networks.get("a-1")
    install(settings, manifest, name="a-1")
    networks.get("a-1")


def test_a_model_that_does_not_load_is_tried_again(settings: Settings, manifest: Manifest) -> None:
    install(settings, manifest)
    answers: list[Any] = [ModelInvalid("weights of another network"), "a network"]

    def load(version: ModelVersion) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    networks = Networks(settings.home, load)
    with pytest.raises(ModelInvalid, match="weights of another network"):
        networks.get(manifest.name)
    assert networks.get(manifest.name) == "a network"


def test_an_unknown_preprocessing_is_found_before_a_picture_is_touched(settings: Settings, manifest: Manifest) -> None:
    install(settings, manifest, preprocessing="fov-9")
    loader = Loader()
    with pytest.raises(ModelInvalid, match="preprocessing 'fov-9' is not known to this release"):
        Networks(settings.home, loader).get(manifest.name)
    assert loader.loaded == []


def test_a_real_network_is_loaded_and_checked(settings: Settings, manifest: Manifest) -> None:
    from models.networks.architectures import build
    from models.networks.weights import dump_weights

    weights = dump_weights(build("hidri", 16))
    sealed = {"file": "weights.safetensors", "sha256": sha256_hex(weights)}
    folder = install(settings, manifest, architecture="hidri", input_size=16, weights=sealed)
    (folder / "weights.safetensors").write_bytes(weights)
    found = Networks(settings.home).get(manifest.name).answers(np.zeros((2, 16, 16, 3), np.uint8))
    assert (found.malignant.shape, found.of_classes) == ((2,), None)
    (folder / "weights.safetensors").write_bytes(weights[:-1] + b"\0")
    with pytest.raises(ModelInvalid, match=f"expected SHA-256 {sealed['sha256']}, received "):
        Networks(settings.home).get(manifest.name)


def test_without_tensorflow_it_is_the_installation_that_lacks_something(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a fault of each image: all of them failed, and the batch was complete."""
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModelInvalid, match=r"^no network can run here: .*; install the extra cpu or gpu: "):
        load_network(find(DEFAULT_MODEL, settings.home))
