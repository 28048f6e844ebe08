"""The map of a picture lies where the score comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.answers import answers
from models.calibration import TEMPERATURE, Calibration
from models.classes import Classes
from models.errors import ModelInvalid
from models.networks.architectures import ARCHITECTURES, build, feature_map
from models.networks.gradcam import GradCam, gradcam_of
from models.networks.loaded import load
from models.networks.weights import dump_weights
from models.version import open_version

SIDE, FIELD = 64, 32


def looks_for_light(architecture: str, weight: float = 4.0) -> Any:
    """A network set by hand: its one live channel carries brightness through, and brightness raises the score."""
    network = build(architecture, SIDE)
    for variable in network.weights:
        variable.assign(np.zeros(variable.shape, np.float32))
        kernel = np.zeros(variable.shape, np.float32)
        if "conv" in variable.path and variable.path.endswith("kernel"):
            kernel[1, 1, : 3 if kernel.shape[2] == 3 else 1, 0] = 1 / 3
        elif variable.path.endswith(("gamma", "moving_variance")):
            kernel[:] = 1
        elif variable.path.endswith("hidden/kernel"):
            # the flattened map has its channels last: every place of channel 0 goes to the first unit
            kernel.reshape(-1, 64, 64)[:, 0, 0] = 1
        elif variable.path.endswith("malignant/kernel"):
            kernel[0, 0] = weight
        variable.assign(kernel)
    return network


def with_square(row: int, column: int) -> np.ndarray:
    """A black picture with one bright square of 16 pixels in the middle of one of 2 x 2 fields."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = 8 + FIELD * row, 8 + FIELD * column
    picture[top : top + 16, left : left + 16] = 250
    return picture


@pytest.mark.parametrize("architecture", ["hidri", "thompson"])
def test_a_planted_cue_lights_up(architecture: str) -> None:
    gradcam = GradCam(looks_for_light(architecture), feature_map(architecture))
    for row in (0, 1):
        for column in (0, 1):
            _, (heat,) = gradcam.maps(with_square(row, column)[None])
            field = heat[FIELD * row : FIELD * (row + 1), FIELD * column : FIELD * (column + 1)]
            assert field.sum() > 0.9 * heat.sum() > 0
            highest = np.unravel_index(heat.argmax(), heat.shape)
            assert (highest[0] // FIELD, highest[1] // FIELD) == (row, column)


def test_a_saturated_score_still_has_its_map() -> None:
    """At a probability of 1.0 the sigmoid is flat: its own slope would be 0."""
    gradcam = GradCam(looks_for_light("hidri", weight=1e4), "conv_3")
    (probability,), (heat,) = gradcam.maps(with_square(1, 0)[None])
    assert probability == 1.0
    assert heat[FIELD:, :FIELD].sum() > 0.9 * heat.sum() > 0


def test_nothing_that_raises_the_score_is_an_empty_map() -> None:
    gradcam = GradCam(looks_for_light("hidri", weight=-4.0), "conv_3")
    (probability,), (heat,) = gradcam.maps(with_square(0, 0)[None])
    assert probability < 0.5
    assert not heat.any()


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_every_architecture_names_its_last_feature_map(architecture: str) -> None:
    network = build(architecture, 64)
    assert len(network.get_layer(feature_map(architecture)).output.shape) == 4
    pictures = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    probabilities, maps = GradCam(network, feature_map(architecture)).maps(pictures)
    assert probabilities == pytest.approx(network.predict_on_batch(pictures).reshape(-1), abs=1e-5)
    assert maps.shape == (3, 64, 64)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_an_unknown_architecture() -> None:
    with pytest.raises(ModelInvalid, match="^unknown architecture: expected one of "):
        feature_map("vgg")


def test_a_picture_alone_has_the_map_that_it_has_among_others(tiny_network: Any, pictures: np.ndarray) -> None:
    gradcam = GradCam(tiny_network, "conv_3")
    together = gradcam.maps(pictures[:4])[1]
    for number in range(4):
        assert gradcam.maps(pictures[number : number + 1])[1][0] == pytest.approx(together[number], abs=1e-4)
    assert together.max(axis=(1, 2)) == pytest.approx(np.ones(4), abs=0.3)


def test_the_map_changes_with_the_weights(
    write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any, pictures: np.ndarray
) -> None:
    """Adebayo et al. 2018: a map that stays the same under other weights shows the picture, not the network."""
    version = open_version(write_version(tmp_path, "tiny-1", dump_weights(tiny_network)))
    probabilities, maps = gradcam_of(version).maps(pictures)
    assert probabilities == pytest.approx(load(version).answers(pictures).malignant, abs=1e-6)
    other = build("hidri", 16)
    rng = np.random.default_rng(5)
    for old, new in zip(tiny_network.weights, other.weights, strict=True):
        new.assign(rng.permutation(np.asarray(old).reshape(-1)).reshape(old.shape))
    changed = GradCam(other, "conv_3").maps(pictures)[1]
    assert np.abs(maps - changed).mean() > 0.05


def test_altered_weights_explain_nothing(write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any) -> None:
    folder = write_version(tmp_path, "tiny-1", dump_weights(tiny_network))
    (folder / "weights.safetensors").write_bytes(dump_weights(tiny_network)[:-1] + b"x")
    with pytest.raises(ModelInvalid, match="expected SHA-256"):
        gradcam_of(open_version(folder))


THREE = Classes(("bcc", "mel", "nv"), ("bcc", "mel"))


def test_several_classes_are_explained_by_the_probability_of_malignant() -> None:
    """A class that takes from another malignant one raises nothing; what speaks for malignant lights up."""
    for weights, lit in (([2.0, 2.0, 0.0], True), ([0.0, 0.0, 2.0], False), ([1.0, 1.0, 1.0], False)):
        network = looks_for_light("hidri")
        several = build("hidri", SIDE, 3)
        for old, new in zip(network.weights[:-2], several.weights[:-2], strict=True):
            new.assign(old)
        kernel = np.zeros((128, 3), np.float32)
        kernel[0] = weights
        several.layers[-1].set_weights([kernel, np.array([1, -1, 0], np.float32)])
        calibration = Calibration(TEMPERATURE, 2.0)
        seen = with_square(0, 1)[None]
        (probability,), (heat,) = GradCam(several, "conv_3", calibration, THREE).maps(seen)
        assert heat.any() == lit
        if lit:
            assert heat[:FIELD, FIELD:].sum() > 0.9 * heat.sum()
        said = answers(several.predict_on_batch(seen), THREE, calibration)
        assert probability == pytest.approx(said.malignant[0], abs=1e-6)


def test_a_saturated_softmax_still_has_its_map() -> None:
    network = build("hidri", SIDE, 3)
    for old, new in zip(looks_for_light("hidri").weights[:-2], network.weights[:-2], strict=True):
        new.assign(old)
    kernel = np.zeros((128, 3), np.float32)
    kernel[0] = [1e4, 5e3, 0]
    network.layers[-1].set_weights([kernel, np.zeros(3, np.float32)])
    (probability,), (heat,) = GradCam(network, "conv_3", classes=THREE).maps(with_square(1, 0)[None])
    assert probability == 1.0
    assert heat[FIELD:, :FIELD].sum() > 0.9 * heat.sum() > 0


def test_over_views_it_says_what_screening_says_and_its_map_turns_with_the_picture(
    write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any, pictures: np.ndarray
) -> None:
    version = open_version(write_version(tmp_path, "tiny-1", dump_weights(tiny_network), views=2))
    probabilities, maps = gradcam_of(version).maps(pictures)
    assert probabilities == pytest.approx(load(version).answers(pictures).malignant, abs=1e-5)
    mirrored = gradcam_of(version).maps(pictures[:, :, ::-1])[1]
    assert mirrored[:, :, ::-1] == pytest.approx(maps, abs=1e-3)
