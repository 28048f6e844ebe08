"""One door to keras: the settings that must be in the environment before its first import."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from types import ModuleType

from models.networks.quiet import without_noise


def import_keras() -> ModuleType:
    """Import keras (4-7 s the first time with TensorFlow) with quiet logs and TensorFlow as the default backend."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # 3 hides the lines that TensorFlow's C++ side writes by itself; TensorFlow 2.21 reports each rewrite of a
    # tf.data pipeline there as an error. Real errors come as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    loads_tensorflow = os.environ["KERAS_BACKEND"] == "tensorflow" and "tensorflow" not in sys.modules
    wants_all = os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    with without_noise() if loads_tensorflow and not wants_all else nullcontext():
        import keras

    module: ModuleType = keras
    return module


def library_versions() -> dict[str, str]:
    """Names and versions of the libraries that decide about the numbers of a prediction."""
    import numpy
    import PIL

    keras = import_keras()
    versions = {"keras": keras.__version__, "backend": keras.backend.backend()}
    if versions["backend"] == "tensorflow":
        import tensorflow

        versions["tensorflow"] = tensorflow.__version__
    return versions | {"numpy": numpy.__version__, "pillow": PIL.__version__}
