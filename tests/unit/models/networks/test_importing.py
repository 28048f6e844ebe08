"""Weights of others come in as numbers, whole and at their places, or not at all."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from models.classes import BINARY
from models.errors import UsageFault
from models.networks.architectures import build
from models.networks.backend import import_keras
from models.networks.importing import Wanted, import_weights
from models.networks.loaded import load
from models.version import open_version

keras = import_keras()
WANTED = Wanted("mine-1", "hidri", 16, "square-1", 0.43, "given by hand")


def keras_2(network: Any, path: Path) -> None:
    """As Keras 2 wrote it: names as bytes with `:0`, the class's group names, trainables of a layer first."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [layer.name.encode() for layer in network.layers]
        for layer in network.layers:
            group = root.create_group(layer.name)
            depthwise = "depthwise_" if isinstance(layer, keras.layers.DepthwiseConv2D) else ""
            names = [f"{layer.name}/{depthwise}{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = np.asarray(weight)


def augmented(network: Any, path: Path) -> None:
    """A network inside a network, as training with augmentation layers leaves it, with the state of an optimizer."""
    whole = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.RandomFlip(seed=1), network])
    whole.compile("adam", loss="binary_crossentropy", jit_compile=False)
    whole.fit(np.zeros((2, 16, 16, 3)), np.zeros((2, 1)), epochs=1, verbose=0)
    whole.save(path)


def keras_2_13(saver: Callable[[Any, Path], None]) -> Callable[[Any, Path], None]:
    """As Keras 2.12 and 2.13 wrote `.keras`: another name for the groups of layers, and each layer counted twice."""

    def regrouped(source: Any, target: Any) -> None:
        for name, item in source.items():
            if isinstance(item, h5py.Dataset):
                target[name] = item[()]
                continue
            new = "_layer_checkpoint_dependencies" if name == "layers" else name
            if source.name.endswith("/layers") and (number := re.search(r"_(\d+)$", name)):
                new = f"{name[: number.start()]}_{2 * int(number[1])}"
            regrouped(item, target.create_group(new))

    def save(network: Any, path: Path) -> None:
        saver(network, path)
        with zipfile.ZipFile(path) as opened:
            parts = {name: opened.read(name) for name in opened.namelist()}
        changed = io.BytesIO()
        with h5py.File(io.BytesIO(parts["model.weights.h5"])) as old, h5py.File(changed, "w") as new:
            regrouped(old, new)
        path.write_bytes(archive(parts | {"model.weights.h5": changed.getvalue()}))

    return save


SAVERS: dict[str, Callable[[Any, Path], None]] = {
    "plain.h5": lambda network, path: network.save(path),
    "plain.keras": lambda network, path: network.save(path),
    "plain.weights.h5": lambda network, path: network.save_weights(path),
    "two.h5": keras_2,
    "augmented.h5": augmented,
    "augmented.keras": augmented,
    "plain 2.13.keras": keras_2_13(lambda network, path: network.save(path)),
    "augmented 2.13.keras": keras_2_13(augmented),
}


def seeded(architecture: str = "hidri", size: int = 16, units: int = 1) -> Any:
    network = build(architecture, size, units)
    # no probability may be 0 or 1, nor all the same: equal answers would prove nothing
    spread = {"hidri": 0.3, "thompson": 0.1, "efficientnet-lite0": 0.44}[architecture]
    rng = np.random.default_rng(8)
    for variable in network.weights:
        drawn = (
            rng.uniform(0.5, 1.5, variable.shape) if "var" in variable.path else rng.normal(0, spread, variable.shape)
        )
        variable.assign(drawn.astype(np.float32))
    return network


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        *((name, architecture) for name in SAVERS for architecture in ("hidri", "thompson")),
        ("two.h5", "efficientnet-lite0"),  # the one with depthwise convolutions
    ],
)
def test_the_same_probabilities_after_import(
    name: str, architecture: str, tmp_path: Path, pictures: np.ndarray
) -> None:
    network = seeded(architecture)
    SAVERS[name](network, tmp_path / name)
    expected = network.predict_on_batch(pictures).reshape(-1)
    assert np.ptp(expected) > 0.001
    manifest = import_weights(tmp_path / name, replace(WANTED, architecture=architecture), tmp_path / "models")
    version = open_version(tmp_path / "models" / "mine-1")
    assert load(version).answers(pictures).malignant == pytest.approx(expected, abs=1e-6)
    assert version.manifest == manifest
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine-1"]


@pytest.mark.parametrize(
    ("name", "outputs"),
    [("plain.keras", BINARY.names), ("two.h5", BINARY.names), ("plain.h5", ("malignant", "benign"))],
)
def test_a_softmax_over_benign_and_malignant_becomes_one_unit(
    name: str, outputs: tuple[str, ...], tmp_path: Path, pictures: np.ndarray
) -> None:
    network = seeded(units=2)
    SAVERS[name](network, tmp_path / name)
    expected = network.predict_on_batch(pictures)[:, outputs.index("malignant")]
    assert np.ptp(expected) > 0.001
    manifest = import_weights(tmp_path / name, replace(WANTED, outputs=outputs), tmp_path / "models")
    version = open_version(tmp_path / "models" / "mine-1")
    assert load(version).answers(pictures).malignant == pytest.approx(expected, abs=1e-6)
    assert (manifest.classes, manifest.training["imported"]["outputs"]) == (BINARY, list(outputs))


def test_one_unit_may_be_called_benign_and_malignant_but_not_the_other_way_round(tmp_path: Path) -> None:
    """Whoever names malignant first may have a unit that says benign."""
    seeded().save(tmp_path / "a.h5")
    with pytest.raises(UsageFault, match="malignant: expected 2 outputs, received 1; name no classes where"):
        import_weights(tmp_path / "a.h5", replace(WANTED, outputs=("malignant", "benign")), tmp_path / "models")
    manifest = import_weights(tmp_path / "a.h5", replace(WANTED, outputs=BINARY.names), tmp_path / "models")
    assert "outputs" not in manifest.training["imported"]


def test_two_outputs_that_nobody_named_are_refused(tmp_path: Path) -> None:
    seeded(units=2).save(tmp_path / "a.h5")
    with pytest.raises(UsageFault, match="expected 1 outputs, received 2; name the classes of its outputs"):
        import_weights(tmp_path / "a.h5", WANTED, tmp_path / "models")


def test_more_than_ten_layers_of_a_kind_keep_their_order(tmp_path: Path) -> None:
    """As text conv2d_10 comes before conv2d_2."""
    from models.networks.legacy_file import open_legacy

    network = keras.Sequential([keras.Input((4,)), *[keras.layers.Dense(4) for _ in range(12)]])
    for number, layer in enumerate(network.layers):
        layer.kernel.assign(np.full((4, 4), number, np.float32))
    network.save(tmp_path / "deep.keras")
    with open_legacy(tmp_path / "deep.keras") as file:
        assert [int(layer.weights[0][1][0, 0]) for layer in file.layers] == list(range(12))


def test_nothing_looks_measured(tmp_path: Path) -> None:
    seeded().save(tmp_path / "a.h5")
    manifest = import_weights(tmp_path / "a.h5", WANTED, tmp_path / "models")
    assert manifest.metrics == {}
    (point,) = manifest.operating_points.values()
    assert (point.name, point.threshold, point.chosen_for, point.chosen_on) == (
        "imported", 0.43, "given by hand", "no data",
    )  # fmt: skip
    assert point.expected == {}
    assert manifest.default is point


def test_the_size_that_the_file_names_counts(tmp_path: Path) -> None:
    """Hidri's weights fit any size; the file knows which one they were trained for."""
    seeded(size=24).save(tmp_path / "a.keras")
    assert import_weights(tmp_path / "a.keras", WANTED, tmp_path / "models").input_size == 24


class TestCode:
    """A Lambda layer is Python code inside the file."""

    @pytest.fixture
    def touched(self, tmp_path: Path) -> Path:
        return tmp_path / "ran"

    @pytest.fixture(params=["evil.h5", "evil.keras"])
    def evil(self, request: pytest.FixtureRequest, touched: Path, tmp_path: Path) -> Path:
        # the path is baked into the code: a file keeps neither a closure nor, for long, a default
        code = keras.layers.Lambda(eval(f"lambda x: (__import__('pathlib').Path({str(touched)!r}).touch(), x)[1]"))
        keras.Sequential([keras.Input((16, 16, 3)), code, *seeded().layers]).save(tmp_path / request.param)
        touched.unlink(missing_ok=True)
        keras.models.load_model(tmp_path / request.param, safe_mode=False)
        assert touched.exists()  # it would
        touched.unlink()
        return tmp_path / request.param

    def test_it_is_never_run(self, evil: Path, touched: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageFault, match=r"^the file's network has a layer of code \(Lambda\)"):
            import_weights(evil, WANTED, tmp_path / "models")
        assert not touched.exists()
        assert not (tmp_path / "models").exists()

    def test_nor_where_the_layer_goes_by_another_name(self, touched: Path, tmp_path: Path) -> None:
        """A description that hides its Lambda is still nothing but JSON, of a network that is not known."""
        seeded().save(tmp_path / "a.keras")
        with zipfile.ZipFile(tmp_path / "a.keras") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        described = json.loads(parts["config.json"])
        described["config"]["layers"].append(
            {"module": "pathlib", "class_name": "Path", "config": str(touched), "registered_name": "touch"}
        )
        parts["config.json"] = json.dumps(described).encode()
        with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
            for name, data in parts.items():
                archive.writestr(name, data)
        with pytest.raises(UsageFault, match=r"no hidri: at Path: expected nothing \(as its end\), received Path"):
            import_weights(tmp_path / "b.keras", WANTED, tmp_path / "models")
        assert not touched.exists()


@pytest.mark.parametrize("name", ["plain.h5", "plain.keras", "two.h5"])
def test_another_architecture_is_refused(name: str, tmp_path: Path) -> None:
    SAVERS[name](seeded("thompson"), tmp_path / name)
    with pytest.raises(UsageFault, match="the file does not fit hidri: expected 7 layers with weights, received 6: "):
        import_weights(tmp_path / name, WANTED, tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("saver", ["a.h5", "a.keras"])
def test_another_shape_says_expected_and_received(saver: str, tmp_path: Path) -> None:
    layers = [keras.layers.deserialize(keras.layers.serialize(layer)) for layer in seeded().layers]
    layers[1] = keras.layers.Conv2D(31, 3, padding="same", name="conv_1")
    layers[2] = keras.layers.BatchNormalization(name="norm_1")
    layers[4] = keras.layers.Conv2D(64, 3, padding="same", name="conv_2")
    keras.Sequential([keras.Input((16, 16, 3)), *layers]).save(tmp_path / saver)
    words = r"^weight .*kernel: expected shape \(3, 3, 3, 32\), received \(3, 3, 3, 31\)$"
    with pytest.raises(UsageFault, match=words):
        import_weights(tmp_path / saver, WANTED, tmp_path / "models")


def test_layers_of_a_kind_in_several_networks_have_no_order(tmp_path: Path) -> None:
    first, second, *rest = [keras.layers.deserialize(keras.layers.serialize(layer)) for layer in seeded().layers]
    keras.Sequential([keras.Input((16, 16, 3)), first, second, keras.Sequential(rest)]).save(tmp_path / "a.keras")
    with pytest.raises(UsageFault, match="keeps its conv2d layers in several networks: their order cannot be told"):
        import_weights(tmp_path / "a.keras", WANTED, tmp_path / "models")


def rewritten(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    path = tmp_path / "changed.h5"
    keras_2(seeded(), path)
    with h5py.File(path, "r+") as file:
        change(file["model_weights"])
    return path


def replaced(name: str, value: Any) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        del root[name]
        root[name] = value

    return change


def swapped_names(root: Any) -> None:
    root["norm_1"].attrs["weight_names"] = [
        f"norm_1/{name}:0".encode() for name in ("beta", "gamma", "moving_mean", "moving_variance")
    ]


def one_less(root: Any) -> None:
    root["norm_2"].attrs["weight_names"] = [b"norm_2/gamma:0", b"norm_2/beta:0", b"norm_2/moving_mean:0"]


def cycle(root: Any) -> None:
    del root["conv_1"]
    root["conv_1"] = root


BIAS = "malignant/malignant/bias:0"
NO_NUMBER, INTEGER = np.array([np.nan], np.float32), np.array([1], np.int32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swapped_names, r"norm_1 does not fit hidri/norm_1: expected gamma, received beta"),
        (one_less, r"norm_2 does not fit hidri/norm_2: expected 4 weights, received 3"),
        (replaced(BIAS, NO_NUMBER), r"weight malignant/bias holds infinities or what is not a number"),
        (replaced(BIAS, INTEGER), r"weight malignant/bias: expected floating-point numbers, received int32"),
        (replaced(BIAS, h5py.ExternalLink("/etc/passwd", "/")), r"is missing from the file or leads out of it"),
        (replaced(BIAS, h5py.SoftLink("/model_weights/conv_1")), r"is missing from the file or leads out of it"),
        (replaced("malignant", h5py.ExternalLink("other.h5", "/")), r"is missing from the file or leads out of it"),
        (cycle, r"expected 7 layers|cannot be read|is missing from the file"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(change: Callable[[Any], None], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=words):
        import_weights(rewritten(tmp_path, change), WANTED, tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_numbers_kept_in_another_file_are_refused(tmp_path: Path) -> None:
    """HDF5's external storage would read any file of this machine as numbers."""
    (tmp_path / "secret").write_bytes(bytes(4))

    def change(root: Any) -> None:
        del root[BIAS]
        root.create_dataset(BIAS, (1,), "f4", external=[(str(tmp_path / "secret"), 0, 4)])

    with pytest.raises(UsageFault, match="keeps its numbers in another file"):
        import_weights(rewritten(tmp_path, change), WANTED, tmp_path / "models")


def archive(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"no weights", b"\x89HDF\r\n\x1a\n" + bytes(200), archive({"a": b"x"}), archive({"model.weights.h5": b"x"}),
     archive({"model.weights.h5": b"x", "config.json": b"{"})],
)  # fmt: skip
def test_what_is_no_file_of_keras(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(data)
    with pytest.raises(UsageFault, match="^the file cannot be read as .h5, .weights.h5 or .keras: "):
        import_weights(tmp_path / "x.h5", WANTED, tmp_path / "models")


def test_hdf5_without_weights(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    with pytest.raises(UsageFault, match="expected the group model_weights or layers"):
        import_weights(tmp_path / "x.h5", WANTED, tmp_path / "models")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "x" * 101])
def test_a_name_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    seeded().save(tmp_path / "a.h5")
    with pytest.raises(UsageFault, match="^the name of a model version: expected "):
        import_weights(tmp_path / "a.h5", replace(WANTED, name=name), tmp_path / "models")


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    seeded().save(tmp_path / "a.h5")
    import_weights(tmp_path / "a.h5", WANTED, tmp_path / "models")
    for name in ("mine-1", "hidri-2"):
        with pytest.raises(UsageFault, match=f"there is a model version '{name}' already"):
            import_weights(tmp_path / "a.h5", replace(WANTED, name=name), tmp_path / "models")
