"""A network in another engine's format, compared with Keras on pictures before it is handed out.

Routes: ONNX through tf2onnx and LiteRT through TensorFlow's own converter, both behind ``keras.Model.export``; what was
written is then run by the engine that will run it elsewhere (ONNX Runtime, LiteRT, TensorFlow), not by its converter.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.answers import Answers, answers
from models.checksum import sha256_hex
from models.errors import OurFault, UsageFault
from models.manifest import Manifest
from models.networks.backend import import_keras, library_versions
from models.networks.loaded import verified_network
from models.version import ModelVersion
from models.whole_file import put_in_place

TOLERANCE = 1e-4
"""Largest difference of a probability that passes: two orders above what float32 engines differ by (1e-6)."""

Pictures = NDArray[np.uint8]
Run = Callable[[NDArray[np.float32]], NDArray[np.float64]]


@dataclass(frozen=True)
class Format:
    """How a network is written in a format, and how what was written is run."""

    name: str  # of the file or folder that the converter writes
    keras_format: str
    needs: tuple[str, ...]  # packages of the extra `export`
    opened: Callable[[Path], Run]


@dataclass
class Comparison:
    """How far an exported network is from Keras. ``largest``: absolute difference of a probability, 0..1, be it that of
    malignant or that of one of several classes."""

    pictures: int = 0
    largest: float = 0.0
    outcomes_changed: int = 0

    def take(self, expected: Answers, received: Answers, threshold: float) -> None:
        self.pictures += len(expected.malignant)
        for one, other in ((expected.malignant, received.malignant), (expected.of_classes, received.of_classes)):
            if one is not None and other is not None:
                differences = np.abs(one - other)
                largest = np.where(np.isnan(differences), np.inf, differences).max()  # max() would pass over NaN
                self.largest = max(self.largest, float(largest))
        flagged, still_flagged = expected.malignant >= threshold, received.malignant >= threshold
        self.outcomes_changed += int((flagged != still_flagged).sum())


def export(version: ModelVersion, format_: str, target: Path, batches: Iterable[Pictures]) -> dict[str, Any]:
    """Write a model version as ``target``, whole or not at all; returns what was compared and with what.

    version: its weights are compared with their checksum first. format_: one of FORMATS.
    batches: prepared pictures (n, size, size, 3), 0..255, which Keras and the exported network both judge.

    Raises OurFault when a probability differs by more than TOLERANCE, UsageFault when there is no picture or the target
    cannot be written, ImportError when a package of the extra `export` is missing, ModelInvalid for bad weights.
    """
    chosen = FORMATS[format_]
    _check_target(target, folder=format_ == "savedmodel")
    import_keras()  # first, by its door: tf2onnx imports TensorFlow with all its talk
    for package in chosen.needs:
        __import__(package)
    network = verified_network(version)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        written = Path(folder) / chosen.name
        _convert(network, written, chosen.keras_format)
        found = _compare(network, chosen.opened(written), batches, version.manifest)
        if found.largest > TOLERANCE:
            raise OurFault(
                f"the {format_} export of {version.name} is not the same network: expected probabilities within "
                f"{TOLERANCE:g} of Keras, received a difference of {found.largest:.3g}; nothing was written"
            )
        files = _checksums(written, target.name)
        put_in_place(written, target)
    return _facts(version, format_, found, files)


def _check_target(target: Path, *, folder: bool) -> None:
    if target.is_dir() or (folder and target.exists()):
        raise UsageFault(f"{target} is there already; name another, or remove it first")


def _convert(network: Any, written: Path, keras_format: str) -> None:
    network.predict_on_batch(np.zeros((1, *network.input_shape[1:]), np.float32))  # ONNX: "has never [been] called"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the converters about themselves (np.object, deprecations)
        network.export(str(written), format=keras_format, verbose=False)


def _compare(network: Any, run: Run, batches: Iterable[Pictures], manifest: Manifest) -> Comparison:
    """Both are calibrated before they are compared: it is the stored probability that must not differ."""
    found = Comparison()
    for pictures in batches:
        seen = pictures.astype(np.float32)
        expected, received = _plain(network.predict_on_batch(seen)), run(seen)
        if received.shape != expected.shape:
            raise OurFault(f"the exported network answered {received.shape}, expected {expected.shape}")
        one, other = (answers(outputs, manifest.classes, manifest.calibration) for outputs in (expected, received))
        found.take(one, other, manifest.default.threshold)
    if not found.pictures:
        raise UsageFault("there is no picture to check the export with: expected at least one that can be screened")
    return found


def _facts(version: ModelVersion, format_: str, found: Comparison, files: dict[str, str]) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "model": manifest.name,
        "weights_sha256": manifest.weights_sha256,
        "format": format_,
        "files": files,
        "input": f"float32, (n, {manifest.input_size}, {manifest.input_size}, 3), RGB, 0 to 255",
        "output": _output(manifest),
        **manifest.classes.as_json(),
        "calibration": manifest.calibration.as_json(),
        "preprocessing": manifest.preprocessing,
        # one view is exported: whoever runs it averages the output over the mirror images before calibrating it
        "views": {"exported": 1, "calibration_and_thresholds_are_for": manifest.views},
        "thresholds": {name: point.threshold for name, point in manifest.operating_points.items()},
        "check": {
            "against": "Keras",
            "pictures": found.pictures,
            "largest_difference": found.largest,
            "tolerance": TOLERANCE,
            "outcomes_changed": found.outcomes_changed,
        },
        "libraries": library_versions() | _versions(FORMATS[format_].needs),
    }


def _output(manifest: Manifest) -> str:
    classes = manifest.classes
    if not classes.several:
        return "float32, (n, 1), probability of malignant, 0 to 1, before calibration"
    return (
        f"float32, (n, {classes.units}), probabilities in the order of classes, 0 to 1, before calibration; the "
        "thresholds judge the sum over those of malignant, once calibrated (softmax of logarithms over the temperature)"
    )


def _plain(outputs: Any) -> NDArray[np.float64]:
    """(n,) of a network with one unit, else (n, units)."""
    said = np.asarray(outputs, dtype=np.float64)
    return said.reshape(-1) if said.shape[-1] == 1 else said


def _checksums(written: Path, name: str) -> dict[str, str]:
    """SHA-256 of the file, or of each file by its path inside the folder."""
    if written.is_file():
        return {name: sha256_hex(written.read_bytes())}
    found = sorted(path for path in written.rglob("*") if path.is_file())
    return {path.relative_to(written).as_posix(): sha256_hex(path.read_bytes()) for path in found}


def _versions(packages: Iterable[str]) -> dict[str, str]:
    from importlib.metadata import version

    return {package: version(package.replace("_", "-")) for package in packages}


def _open_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pictures: _plain(session.run(None, {name: pictures})[0])


def _open_tflite(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    inside, outside = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        interpreter.resize_tensor_input(inside, pictures.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inside, pictures)
        interpreter.invoke()
        return _plain(interpreter.get_tensor(outside))

    return run


def _open_savedmodel(path: Path) -> Run:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda pictures: _plain(loaded.serve(tf.constant(pictures)))


FORMATS = {
    "onnx": Format("model.onnx", "onnx", ("tf2onnx", "onnx", "onnxruntime"), _open_onnx),
    "tflite": Format("model.tflite", "litert", ("ai_edge_litert",), _open_tflite),
    "savedmodel": Format("model", "tf_saved_model", (), _open_savedmodel),
}
