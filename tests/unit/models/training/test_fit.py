"""From a folder of pictures to a model version whose numbers can be found again from what is on disk."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from models.checksum import sha256_hex
from models.errors import UsageFault
from models.manifest import Manifest
from models.networks.loaded import load
from models.preprocessing import prepare
from models.training.fit import _augmentation, train
from models.training.order import Order
from models.training.presets import PRESETS, Preset
from models.training.run_folder import RECIPE
from models.version import ModelVersion, open_version

Train = Callable[..., Path]


def run(lesions: Path, seed: int, tiny: Preset, folder: Path, progress: Any, **changes: Any) -> Path:
    """A run of the tiny recipe, for fixtures that outlive a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "hidri", tiny)
        return train(replace(Order("hidri", lesions, folder / "tiny-1", "tiny-1", seed=seed), **changes), progress)


@pytest.fixture(scope="session")
def trained(lesions: Path, seed: int, tiny: Preset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole run, looked at by many tests."""
    return run(lesions, seed, tiny, tmp_path_factory.mktemp("whole"), _Silent())


@pytest.fixture(scope="session")
def one_epoch(
    lesions: Path, seed: int, tiny: Preset, tmp_path_factory: pytest.TempPathFactory, told: Callable[..., Any]
) -> tuple[Manifest, Any]:
    """A run of one epoch, and what it told."""
    progress = told()
    folder = run(lesions, seed, tiny, tmp_path_factory.mktemp("one"), progress, epochs=1)
    return open_version(folder).manifest, progress


@pytest.fixture(scope="session")
def stopped(
    lesions: Path, seed: int, tiny: Preset, tmp_path_factory: pytest.TempPathFactory, told: Callable[..., Any]
) -> Path:
    """A run that was stopped after its first epoch as Ctrl-C does."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        run(lesions, seed, tiny, folder, told(stop_after=1))
    assert not (folder / "tiny-1" / "manifest.json").exists()
    return folder / "tiny-1"


class _Silent:
    def step(self, *_: Any) -> None: ...

    def epoch(self, *_: Any) -> None: ...


@pytest.fixture
def version(trained: Path) -> ModelVersion:
    return open_version(trained)


@pytest.fixture
def order(lesions: Path, seed: int, tmp_path: Path, recipe: Preset) -> Order:
    return Order("hidri", lesions, tmp_path / "tiny-1", "tiny-1", seed=seed)


@pytest.fixture
def kept(order: Order, stopped: Path) -> dict[str, Any]:
    """The state of a run that was stopped after its first epoch, which lies where ``order`` looks for it."""
    shutil.copytree(stopped, order.output)
    return json.loads((order.output / "run" / "state.json").read_text())


def scores(version: ModelVersion, lesions: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a part, from the written weights, the written split and the pictures alone."""
    by_checksum = {sha256_hex(path.read_bytes()): path for path in lesions.glob("*/*.jpg")}
    with (version.folder / "split.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == part]
    manifest = version.manifest
    pictures = [
        prepare(by_checksum[row["checksum"]].read_bytes(), ".jpg", manifest.preprocessing, manifest.input_size)
        for row in rows
    ]
    probabilities = np.round(load(version).answers(np.stack(pictures)).malignant, 6)
    return np.array([row["label"] == "malignant" for row in rows], dtype=int), probabilities


def last_tensors(folder: Path) -> dict[str, bytes]:
    """Of the network and of its optimizer, after the last epoch of a run."""
    found: dict[str, bytes] = {}
    with h5py.File(folder / "run" / "backup" / "latest.weights.h5") as file:
        file.visititems(lambda name, kept: found.update({name: kept[()].tobytes()} if hasattr(kept, "shape") else {}))
    return found


def test_the_version_is_whole(version: ModelVersion, seed: int) -> None:
    manifest = version.manifest
    assert (manifest.name, manifest.architecture, manifest.input_size) == ("tiny-1", "hidri", 16)
    assert (manifest.preprocessing, manifest.labels) == ("square-1", ("benign", "malignant"))
    assert sha256_hex(version.verified_weights()) == manifest.weights_sha256
    assert manifest.raw["weights"]["parameters"] == 94_273
    assert manifest.training["seed"] == seed
    assert manifest.training["epochs_run"] == len(manifest.training["history"]) == 3
    assert manifest.training["recipe"]["input_size"] == 16
    assert not list(version.folder.glob("*.partial"))


def test_the_split_is_written_and_sealed(version: ModelVersion) -> None:
    text = (version.folder / "split.csv").read_bytes()
    assert version.manifest.raw["split"] == {"file": "split.csv", "sha256": sha256_hex(text)}
    rows = list(csv.DictReader(text.decode().splitlines()))
    assert len(rows) == 80
    counted = {part: sum(row["part"] == part for row in rows) for part in version.manifest.training["images"]}
    assert version.manifest.training["images"] == counted
    assert version.manifest.training["groups"] == len({row["group"] for row in rows}) == 80


@pytest.mark.parametrize("part", ["calibration", "test"])
def test_the_metrics_follow_from_what_is_on_disk(version: ModelVersion, lesions: Path, part: str) -> None:
    labels, probabilities = scores(version, lesions, part)
    ill, well = probabilities[labels == 1], probabilities[labels == 0]
    in_order = [(a > b) + (a == b) / 2 for a in ill for b in well]
    said = version.manifest.metrics[part]
    assert said["images"] == len(labels)
    assert said["malignant"] == len(ill)
    assert said["roc_auc"] == pytest.approx(np.mean(in_order), abs=1e-6)
    assert said["accuracy_at_0.5"] == pytest.approx(((probabilities >= 0.5) == labels).mean(), abs=1e-6)
    for point in version.manifest.operating_points.values():
        flagged = probabilities >= point.threshold - 1e-9
        assert point.expected[part]["sensitivity"] == pytest.approx(flagged[labels == 1].mean(), abs=1e-6)
        assert point.expected[part]["specificity"] == pytest.approx(1 - flagged[labels == 0].mean(), abs=1e-6)


def test_a_threshold_is_a_probability_of_the_calibration_part(version: ModelVersion, lesions: Path) -> None:
    probabilities = scores(version, lesions, "calibration")[1]
    for point in version.manifest.operating_points.values():
        assert np.abs(probabilities - point.threshold).min() <= 1e-6


def test_too_few_images_to_promise_a_sensitivity_fall_back_to_f1(version: ModelVersion) -> None:
    """Four malignant images in the calibration part promise nothing; the version must still be one that opens."""
    assert list(version.manifest.operating_points) == ["f1"]
    assert version.manifest.default.name == "f1"


def test_the_same_seed_gives_the_same_weights(order: Order, version: ModelVersion, told: Callable[..., Any]) -> None:
    again = open_version(train(order, told())).manifest
    assert again.weights_sha256 == version.manifest.weights_sha256
    assert again.training["history"] == version.manifest.training["history"]
    assert again.metrics == version.manifest.metrics
    assert again.operating_points == version.manifest.operating_points


def test_the_operations_of_tensorflow_are_made_deterministic(version: ModelVersion) -> None:
    """On pictures this small they happen to be anyway, so equal weights alone would not tell."""
    from tensorflow.python.framework.config import is_op_determinism_enabled

    assert is_op_determinism_enabled()


def test_steps_and_epochs_are_told(one_epoch: tuple[Manifest, Any], tiny: Preset) -> None:
    manifest, progress = one_epoch
    steps = -(-manifest.training["images"]["train"] // tiny.batch_size)
    assert progress.steps == [(1, 1, step, steps) for step in range(1, steps + 1)]
    ((epoch, epochs, logs),) = progress.epochs
    assert (epoch, epochs) == (1, 1)
    assert {"loss", "auc", "val_loss", "val_auc"} <= logs.keys()


def test_an_interrupted_run_goes_on_where_it_was(
    order: Order, kept: dict[str, Any], told: Callable[..., Any], version: ModelVersion
) -> None:
    """To the same weights as a run that nobody stopped: order of the pictures, flips and dropout go on too."""
    assert len(kept["history"]) == 1
    progress = told()
    manifest = open_version(train(replace(order, resume=True), progress)).manifest
    assert [epoch for epoch, _, _ in progress.epochs] == [2, 3]
    assert manifest.training["epochs_run"] == 3
    state = json.loads((order.output / "run" / "state.json").read_text())
    assert state["history"][0] == kept["history"][0]
    assert manifest.training["history"] == version.manifest.training["history"]
    assert manifest.weights_sha256 == version.manifest.weights_sha256
    assert [row["val_loss"] for row in state["history"]] == pytest.approx(
        [row["val_loss"] for row in manifest.training["history"]], abs=1e-6
    )


def test_a_resumed_run_remembers_its_patience_and_its_best(
    order: Order, kept: dict[str, Any], told: Callable[..., Any], tiny: Preset, one_epoch: tuple[Manifest, Any]
) -> None:
    """With one epoch of patience left and a best that cannot be beaten, the next epoch is the last, now and later."""
    path, state = order.output / "run" / "state.json", kept
    state["callbacks"]["EarlyStopping"] |= {"wait": tiny.stop_patience - 1, "best": -1.0}
    state["callbacks"]["ModelCheckpoint"]["best"] = -1.0
    path.write_text(json.dumps(state))
    best = (order.output / "run" / "best.weights.h5").read_bytes()
    progress = told()
    train(replace(order, resume=True), progress)
    assert [epoch for epoch, _, _ in progress.epochs] == [2]
    assert (order.output / "run" / "best.weights.h5").read_bytes() == best
    # what is written are the weights of the best epoch, the first, not of the last
    first = open_version(order.output).manifest
    assert first.weights_sha256 == one_epoch[0].weights_sha256
    # patience is spent, whoever asks: nothing is trained, and the same version is written
    again = told()
    manifest = open_version(train(replace(order, resume=True), again)).manifest
    assert again.epochs == []
    assert manifest.weights_sha256 == first.weights_sha256
    assert manifest.training["history"] == first.training["history"]
    assert len(manifest.training["history"]) == 2


def test_a_resumed_run_keeps_its_learning_rate(
    order: Order, kept: dict[str, Any], told: Callable[..., Any], tiny: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A best of -1 cannot be beaten, so the second epoch is a plateau and the third has half the rate."""
    monkeypatch.setitem(PRESETS, "hidri", replace(tiny, plateau_patience=1, plateau_factor=0.5))
    (order.output / "run" / RECIPE).unlink()  # with another recipe it would not go on
    kept["callbacks"]["ReduceLROnPlateau"]["best"] = -1.0
    (order.output / "run" / "state.json").write_text(json.dumps(kept))
    manifest = open_version(train(replace(order, resume=True), told())).manifest
    rates = [row["learning_rate"] for row in manifest.training["history"]]
    assert rates == pytest.approx([tiny.learning_rate, tiny.learning_rate, tiny.learning_rate / 2], rel=0.01)


def test_an_earlier_run_is_not_written_over(order: Order, kept: dict[str, Any], told: Callable[..., Any]) -> None:
    with pytest.raises(UsageFault, match="holds an earlier run; add --resume to go on with it or name another"):
        train(order, told())
    assert json.loads((order.output / "run" / "state.json").read_text()) == kept


@pytest.mark.usefixtures("kept")
def test_a_run_does_not_go_on_with_another_split(order: Order, told: Callable[..., Any], tmp_path: Path) -> None:
    """It would be measured on images that it was trained on."""
    groups = tmp_path / "groups.csv"
    groups.write_text("group,image\n1,benign/0.jpg\n1,benign/1.jpg\n")
    with pytest.raises(UsageFault, match="was begun with other images, groups or seed"):
        train(replace(order, groups=groups, resume=True), told())


@pytest.mark.usefixtures("kept")
def test_a_run_does_not_go_on_with_another_architecture(order: Order, told: Callable[..., Any]) -> None:
    """Its weights would not fit, and only keras would say so."""
    with pytest.raises(UsageFault, match="was begun with the architecture hidri, received thompson; add --arch"):
        train(replace(order, architecture="thompson", resume=True), told())


@pytest.mark.usefixtures("recipe")
def test_four_images_of_a_class_can_be_trained_on_and_three_are_refused(tmp_path: Path, lesions: Path) -> None:
    few = Order("hidri", tmp_path / "few", tmp_path / "out", "few-1", epochs=1)
    for label in ("benign", "malignant"):
        (few.data / label).mkdir(parents=True)
        for number in range(4):
            shutil.copy(lesions / label / f"{number}.jpg", few.data / label)
    assert set(open_version(train(few, _Silent())).manifest.training["images"].values()) == {2}
    (few.data / "malignant" / "1.jpg").unlink()
    with pytest.raises(UsageFault, match=r"^too few images in malignant/: expected at least 4 that are no copies of"):
        train(replace(few, output=tmp_path / "other"), _Silent())


def test_a_picture_that_cannot_be_read_is_named(
    order: Order, lesions: Path, tmp_path: Path, told: Callable[..., Any]
) -> None:
    data = tmp_path / "data"
    for path in lesions.glob("*/*.jpg"):
        (data / path.parent.name).mkdir(parents=True, exist_ok=True)
        (data / path.parent.name / path.name).write_bytes(path.read_bytes())
    (data / "benign" / "torn.jpg").write_bytes((lesions / "benign" / "0.jpg").read_bytes()[:500])
    with pytest.raises(UsageFault, match=r"benign/torn\.jpg"):
        train(replace(order, data=data), told())


def test_a_recipe_without_augmentation_trains_on_the_pictures_themselves(
    order: Order, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes on after a stop, to the same weights as a run that nobody stopped."""
    bare = replace(PRESETS["thompson"], input_size=16, batch_size=16, epochs=2)
    monkeypatch.setitem(PRESETS, "thompson", bare)
    assert _augmentation(bare, order.seed) == []
    order = replace(order, architecture="thompson")
    manifest = open_version(train(order, told())).manifest
    assert manifest.architecture == "thompson"
    assert manifest.training["recipe"]["flips"] is False
    assert manifest.training["epochs_run"] == 2

    parts = replace(order, output=order.output.with_name("parts"))
    with pytest.raises(KeyboardInterrupt):
        train(parts, told(stop_after=1))
    progress = told()
    resumed = open_version(train(replace(parts, resume=True), progress)).manifest
    assert [epoch for epoch, _, _ in progress.epochs] == [2]
    assert resumed.training["history"] == manifest.training["history"]
    assert resumed.weights_sha256 == manifest.weights_sha256
    # not only those of the best epoch: the last ones, and what Adam remembers
    assert last_tensors(parts.output) == last_tensors(order.output)


def test_hidris_augmentation_keeps_its_order_and_seeds(tiny: Preset) -> None:
    """The layers and their seeds decide about the weights: a repeated run must find the same ones."""
    layers = _augmentation(tiny, 7)
    assert [type(layer).__name__ for layer in layers] == ["RandomFlip", "RandomRotation", "RandomZoom"]
    assert [layer.seed for layer in layers] == [7, 8, 9]


def test_an_unknown_architecture(order: Order, told: Callable[..., Any]) -> None:
    with pytest.raises(UsageFault, match="no recipe for 'vgg'"):
        train(replace(order, architecture="vgg"), told())
    assert not order.output.exists()


def test_manifests_are_what_the_reader_expects(version: ModelVersion) -> None:
    assert isinstance(version.manifest, Manifest)
    assert json.loads((version.folder / "manifest.json").read_text()) == version.manifest.raw
