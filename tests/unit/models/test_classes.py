"""Classes are sound or refused, and a manifest without them is the binary one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from models.catalogue import SHIPPED
from models.classes import BINARY, Classes, classes_of, parse_classes
from models.errors import ModelInvalid
from models.manifest import parse
from models.version import open_version

HAM = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")


def test_seven_classes() -> None:
    # in the order of the outputs, however they were typed
    classes = classes_of(HAM, ("mel", "akiec", "bcc"))
    assert (classes.malignant, classes.benign) == (("akiec", "bcc", "mel"), ("bkl", "df", "nv", "vasc"))
    assert (classes.several, classes.units) == (True, 7)
    assert classes.malignant_labels(np.array([0, 5, 4, 4, 2])).tolist() == [1, 0, 1, 1, 0]
    assert parse_classes(json.loads(json.dumps(classes.as_json()))) == classes


def test_binary_has_one_unit_and_no_keys() -> None:
    assert (BINARY.several, BINARY.units, BINARY.as_json()) == (False, 1, {})
    assert classes_of(("benign", "malignant"), ("malignant",)) == BINARY
    assert parse_classes({}) == BINARY


def test_two_classes_of_other_names_are_two_units() -> None:
    assert Classes(("mel", "nv"), ("mel",)).units == 2


@pytest.mark.parametrize("name", ["hidri-2", "lite2-4"])
def test_the_shipped_versions_are_binary(name: str) -> None:
    assert open_version(SHIPPED / name).manifest.classes == BINARY


@pytest.mark.parametrize(
    ("names", "malignant", "message"),
    [
        (("mel", "nv"), ("bcc",), "bcc: expected classes that are there: mel, nv"),
        (("mel", "nv"), (), "received none as malignant among mel, nv"),
        (("mel", "nv"), ("nv", "mel"), "received mel, nv as malignant among mel, nv"),
        (("mel", "Mel", "nv"), ("mel",), "names that differ in more than capitals"),
        (("mel", "n v"), ("mel",), "received 'n v'"),
        (("mel", "1"), ("mel",), "received '1'"),
        (("mel", "../nv"), ("mel",), "received '../nv'"),
        (("benign", "malignant"), ("benign",), "cannot count as malignant"),
        (("mel", "malignant", "nv"), ("mel",), "one called malignant must"),
    ],
)
def test_what_is_not_sound(names: tuple[str, ...], malignant: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError) as refused:
        classes_of(names, malignant)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": "mel"}, "classes: expected a list of names, received 'mel'"),
        ({"classes": ["mel", "nv"]}, "malignant: expected a list of names, received None"),
        ({"classes": ["mel", 3], "malignant": ["mel"]}, "classes: expected a list of names"),
        ({"classes": ["mel", "nv"], "malignant": []}, "classes: expected at least one class that counts as malignant"),
    ],
)
def test_a_manifest_with_unsound_classes(raw_manifest: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelInvalid) as refused:
        parse(json.dumps(raw_manifest | changes))
    assert str(refused.value).startswith(f"manifest.json: {message}")
