"""The door to keras sets what must be in the environment, and nothing that a person has chosen."""

from __future__ import annotations

import os

import pytest

from models.networks.backend import import_keras, library_versions


def test_tensorflow_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    assert import_keras().__name__ == "keras"
    assert (os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"]) == ("tensorflow", "3")


def test_what_a_person_has_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    import_keras()
    assert (os.environ["KERAS_BACKEND"], os.environ["TF_CPP_MIN_LOG_LEVEL"]) == ("jax", "0")


def test_the_libraries_that_make_a_probability_are_named() -> None:
    versions = library_versions()
    assert {"keras", "backend", "numpy", "pillow"} <= versions.keys()
    assert versions["backend"] in versions  # the backend's own version too
    assert all(versions.values())
