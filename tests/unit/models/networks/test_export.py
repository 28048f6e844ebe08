"""Every format is run by its own engine, and says what Keras says or is not handed out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.answers import Answers
from models.checksum import sha256_hex
from models.errors import ModelInvalid, OurFault, UsageFault
from models.networks import export as exporting
from models.networks.architectures import build
from models.networks.export import FORMATS, TOLERANCE, Comparison, export
from models.networks.weights import dump_weights
from models.version import ModelVersion, open_version


@pytest.fixture
def version(write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any) -> ModelVersion:
    return open_version(write_version(tmp_path, "tiny-1", dump_weights(tiny_network)))


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_written_says_what_keras_says(
    format_: str, version: ModelVersion, tiny_network: Any, pictures: np.ndarray, tmp_path: Path
) -> None:
    target = tmp_path / "out" / f"net.{format_}"
    facts = export(version, format_, target, [pictures[:10], pictures[10:]])
    assert facts["check"]["pictures"] == 16
    assert 0 <= facts["check"]["largest_difference"] <= TOLERANCE
    assert facts["check"]["outcomes_changed"] == 0
    assert facts["weights_sha256"] == version.manifest.weights_sha256
    assert facts["thresholds"] == {"f1": 0.25, "sensitivity-95": 0.125}
    # opened again where it now lies, in batches of another size than any that it was checked with
    run = FORMATS[format_].opened(target)
    expected = tiny_network.predict_on_batch(pictures).reshape(-1)
    assert run(pictures.astype(np.float32)) == pytest.approx(expected, abs=TOLERANCE)
    assert run(pictures[:1].astype(np.float32)) == pytest.approx(expected[:1], abs=TOLERANCE)
    for name, checksum in facts["files"].items():
        assert sha256_hex((target if target.is_file() else target / name).read_bytes()) == checksum
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("format_", FORMATS)
def test_thompsons_network_too(format_: str, write_version: Callable[..., Path], tmp_path: Path) -> None:
    network = build("thompson", 16)
    folder = write_version(tmp_path, "thompson-1", dump_weights(network), architecture="thompson")
    pictures = np.random.default_rng(6).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    facts = export(open_version(folder), format_, tmp_path / "net", [pictures])
    assert facts["check"]["largest_difference"] <= TOLERANCE


@pytest.mark.parametrize("format_", FORMATS)
def test_several_classes_too(format_: str, write_version: Callable[..., Path], tmp_path: Path) -> None:
    network = build("thompson", 16, 3)
    weights = dump_weights(network)
    names = {"classes": ["bcc", "mel", "nv"], "malignant": ["bcc", "mel"]}
    folder = write_version(tmp_path, "three-1", weights, architecture="thompson", **names)
    pictures = np.random.default_rng(6).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    facts = export(open_version(folder), format_, tmp_path / "net", [pictures])
    assert facts["check"]["largest_difference"] <= TOLERANCE
    assert {key: facts[key] for key in names} == names
    assert facts["output"].startswith("float32, (n, 3), probabilities in the order of classes")
    said = FORMATS[format_].opened(tmp_path / "net")(pictures.astype(np.float32))
    assert said == pytest.approx(network.predict_on_batch(pictures), abs=TOLERANCE)


def test_one_view_is_exported_and_that_is_said(
    write_version: Callable[..., Path], tmp_path: Path, tiny_network: Any, pictures: np.ndarray
) -> None:
    version = open_version(write_version(tmp_path, "tiny-1", dump_weights(tiny_network), views=4))
    facts = export(version, "savedmodel", tmp_path / "net", [pictures])
    assert facts["views"] == {"exported": 1, "calibration_and_thresholds_are_for": 4}


def test_another_network_is_refused_and_nothing_is_left(
    version: ModelVersion, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the converter had lost a weight."""
    convert = exporting._convert

    def spoiled(network: Any, written: Path, keras_format: str) -> None:
        bias = network.weights[-1]
        kept = np.asarray(bias)
        bias.assign(kept + 0.01)
        convert(network, written, keras_format)
        bias.assign(kept)

    monkeypatch.setattr(exporting, "_convert", spoiled)
    with pytest.raises(OurFault, match=r"within 0\.0001 of Keras, received a difference of 0\.0"):
        export(version, "onnx", tmp_path / "out" / "net.onnx", [pictures])
    assert list((tmp_path / "out").iterdir()) == []


def test_a_network_that_answers_no_number_is_refused(
    version: ModelVersion, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = replace(FORMATS["onnx"], opened=lambda path: lambda seen: np.full(len(seen), np.nan))
    monkeypatch.setitem(FORMATS, "onnx", lost)
    with pytest.raises(OurFault, match="received a difference of inf"):
        export(version, "onnx", tmp_path / "net.onnx", [pictures])


def test_where_either_gives_no_number_they_are_not_the_same() -> None:
    for expected, received in ((np.nan, 0.5), (0.5, np.nan)):
        found = Comparison()
        found.take(Answers(np.array([0.5, expected])), Answers(np.array([0.5, received])), 0.5)
        assert found.largest == np.inf


def test_without_a_picture_nothing_is_checked_and_nothing_written(version: ModelVersion, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="no picture to check the export with"):
        export(version, "onnx", tmp_path / "net.onnx", [])
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_folder_is_never_replaced(format_: str, version: ModelVersion, pictures: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UsageFault, match="is there already; name another"):
        export(version, format_, tmp_path / "taken", [pictures])


def test_altered_weights_are_not_exported(version: ModelVersion, pictures: np.ndarray, tmp_path: Path) -> None:
    (version.folder / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(ModelInvalid, match="expected SHA-256"):
        export(version, "onnx", tmp_path / "net.onnx", [pictures])
