"""A manifest is read whole or refused with the field that is missing or wrong."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from models.errors import ModelInvalid
from models.manifest import parse
from models.scoring import scoring_sha256

REQUIRED = [
    "name",
    "architecture",
    "input_size",
    "preprocessing",
    "labels",
    "weights",
    "weights.file",
    "weights.sha256",
    "operating_points",
    "operating_points.f1.threshold",
    "operating_points.f1.chosen_for",
    "operating_points.f1.chosen_on",
    "operating_points.f1.expected",
    "default_operating_point",
    "metrics",
    "training",
]

WRONG = [
    ("name", 5, "expected text, received 5"),
    ("name", "", "expected text, received ''"),
    *[
        ("name", name, f"expected a letter or digit, then at most 99 letters, digits, . _ or -, received {name!r}")
        for name in ("a/b", "../../x", ".hidden", "a b", "a\nb", "n\u00e4vus", "x" * 101, "-x")
    ],
    ("architecture", None, "expected text, received None"),
    ("input_size", "128", "expected a number of pixels, received '128'"),
    ("input_size", 0, "expected a number of pixels, received 0"),
    ("input_size", 12.5, "expected a number of pixels, received 12.5"),
    ("input_size", True, "expected a number of pixels, received True"),
    ("preprocessing", ["square-1"], "expected text, received ['square-1']"),
    ("labels", "benign", "expected a list of texts, received 'benign'"),
    ("labels", [0, 1], "expected a list of texts, received [0, 1]"),
    ("weights.sha256", 0, "expected text, received 0"),
    ("operating_points", [], "expected an object, received []"),
    ("operating_points.f1.threshold", 1.5, "expected 0..1, received 1.5"),
    ("operating_points.f1.threshold", -0.1, "expected 0..1, received -0.1"),
    ("operating_points.f1.threshold", float("nan"), "expected 0..1, received nan"),
    ("operating_points.f1.threshold", "0.5", "expected 0..1, received '0.5'"),
    ("operating_points.f1.threshold", True, "expected 0..1, received True"),
    ("operating_points.f1.chosen_for", 95, "expected text, received 95"),
    ("operating_points.f1.expected", 0.95, "expected an object, received 0.95"),
    ("operating_points.f1.expected", {"test": 0.9}, "expected an object, received 0.9"),
    (
        "operating_points.f1.expected",
        {"test": {"sensitivity": 0.9}},
        "test: expected sensitivity and sensitivity_interval, received {'sensitivity': 0.9}",
    ),
    ("metrics", 0.95, "expected an object, received 0.95"),
    ("metrics", {"test": 5}, "expected an object, received 5"),
    ("metrics", {"test": {"roc_auc": "high"}}, "test.roc_auc: expected a number, received 'high'"),
    ("training", None, "expected an object, received None"),
    ("views", 3, "expected one of 1, 2, 4, received 3"),
    ("views", True, "expected one of 1, 2, 4, received True"),
    ("views", "2", "expected one of 1, 2, 4, received '2'"),
    ("data", [], "expected an object, received []"),
]


def parent_of(raw: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *steps, last = path.split(".")
    for step in steps:
        raw = raw[step]
    return raw, last


def test_every_field_arrives(raw_manifest: dict[str, Any]) -> None:
    found = parse(json.dumps(raw_manifest))
    assert (found.name, found.architecture, found.input_size) == ("tiny-1", "hidri", 16)
    assert (found.preprocessing, found.labels) == ("square-1", ("benign", "malignant"))
    assert found.weights_file == "weights.safetensors"
    assert found.weights_sha256 == raw_manifest["weights"]["sha256"]
    assert sorted(found.operating_points) == ["f1", "sensitivity-95"]
    assert found.default.name == "sensitivity-95"
    assert found.default.threshold == 0.125
    assert found.default.chosen_for == "sensitivity >= 95 %"
    assert found.default.chosen_on == "calibration"
    assert found.default.expected == raw_manifest["operating_points"]["sensitivity-95"]["expected"]
    assert (found.metrics, found.training) == ({"test": {"roc_auc": 0.9}}, {"seed": 7})
    assert found.raw == raw_manifest


def test_no_distance_is_too_far_beyond_any(raw_manifest: dict[str, Any]) -> None:
    """JSON of Python may hold Infinity: nothing would be unlike the training pictures."""
    raw_manifest["distribution"] = CLOUD | {"limit": float("inf")}
    with pytest.raises(ModelInvalid, match=r"distribution\.limit: expected a number above 0, received inf"):
        parse(json.dumps(raw_manifest))


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_field_is_named(raw_manifest: dict[str, Any], path: str) -> None:
    holder, last = parent_of(raw_manifest, path)
    del holder[last]
    with pytest.raises(ModelInvalid) as refused:
        parse(json.dumps(raw_manifest))
    assert path in str(refused.value)
    assert str(refused.value).endswith(" is missing")


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_a_wrong_field_is_named(raw_manifest: dict[str, Any], path: str, value: object, said: str) -> None:
    holder, last = parent_of(raw_manifest, path)
    holder[last] = value
    with pytest.raises(ModelInvalid) as refused:
        parse(json.dumps(raw_manifest))
    assert str(refused.value) == f"manifest.json: {path}: {said}"


def test_a_part_that_is_no_object_is_named(raw_manifest: dict[str, Any]) -> None:
    with pytest.raises(ModelInvalid, match=r"weights\.file is missing"):
        parse(json.dumps(raw_manifest | {"weights": "weights.safetensors"}))
    with pytest.raises(ModelInvalid, match=r"operating_points\.f1\.threshold is missing"):
        parse(json.dumps(raw_manifest | {"operating_points": {"f1": 0.5}}))


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "\x1b[2J", "a b", ""])
def test_an_operating_point_has_a_sound_name(raw_manifest: dict[str, Any], name: str) -> None:
    """It stands in reports and on terminals, as the name of the version does."""
    raw_manifest["operating_points"][name] = raw_manifest["operating_points"]["f1"]
    raw_manifest["default_operating_point"] = name
    with pytest.raises(ModelInvalid, match=r"operating_points: expected "):
        parse(json.dumps(raw_manifest))


def test_a_default_that_is_no_operating_point(raw_manifest: dict[str, Any]) -> None:
    with pytest.raises(ModelInvalid, match=r"default_operating_point 'sensitivity-99' is none of \['f1', 'sens"):
        parse(json.dumps(raw_manifest | {"default_operating_point": "sensitivity-99"}))


@pytest.mark.parametrize(("text", "said"), [("", "not JSON"), ("{", "not JSON"), ("[]", "received 'list'")])
def test_what_is_no_manifest(text: str, said: str) -> None:
    with pytest.raises(ModelInvalid, match=said):
        parse(text)


@pytest.mark.parametrize("received", [2, "1", None])
def test_another_format_says_expected_and_received(raw_manifest: dict[str, Any], received: object) -> None:
    with pytest.raises(ModelInvalid) as refused:
        parse(json.dumps(raw_manifest | {"format": received}))
    assert str(refused.value) == f"manifest.json: expected format 1, received {received!r}"


@pytest.mark.parametrize(
    "file",
    ["../weights.safetensors", "/etc/passwd", "a/b", "..", ".", ".hidden", "..\\w", "C:w", "a\0b", "", 7, None],
)
def test_weights_lie_beside_the_manifest_under_a_plain_name(raw_manifest: dict[str, Any], file: object) -> None:
    wrong = deepcopy(raw_manifest)
    wrong["weights"]["file"] = file
    with pytest.raises(ModelInvalid, match=r"^manifest\.json: weights\.file: expected "):
        parse(json.dumps(wrong))


@pytest.mark.parametrize(
    ("split", "said"),
    [({"file": "../split.csv"}, r"split\.file: expected the plain name"), ("split.csv", "split: expected an object"),
     ({"file": "split.csv", "sha256": 7}, r"split\.sha256: expected text")],
)  # fmt: skip
def test_the_split_lies_beside_the_manifest_under_a_plain_name(
    raw_manifest: dict[str, Any], split: object, said: str
) -> None:
    with pytest.raises(ModelInvalid, match=rf"^manifest\.json: {said}"):
        parse(json.dumps(raw_manifest | {"split": split}))


def test_what_may_be_left_out(raw_manifest: dict[str, Any]) -> None:
    manifest = parse(json.dumps(raw_manifest))
    assert (manifest.views, manifest.data, manifest.calibration.method) == (1, {}, "none")


CLOUD = {"file": "cloud.safetensors", "sha256": "ab" * 32, "layers": ["pool_1"], "limit": 2.5}
SEVERAL = {"classes": ["mel", "nv", "bkl"], "malignant": ["mel"], "distribution": CLOUD}


@pytest.mark.parametrize(
    ("change", "other"),
    [({"metrics": {}}, None), ({"views": 1}, None), ({"views": 2}, "views"),
     ({"preprocessing": "field-1"}, "preprocessing"),
     ({"calibration": {"method": "temperature", "temperature": 2}}, "calibration"),
     ({"malignant": ["bkl", "mel"]}, "classes"), ({"classes": ["nv", "mel", "bkl"]}, "classes"),
     ({"distribution": CLOUD | {"file": "other.safetensors"}}, None),
     ({"distribution": CLOUD | {"limit": 2.6}}, "distribution"),
     ({"distribution": CLOUD | {"sha256": "cd" * 32}}, "distribution"),
     ({"distribution": CLOUD | {"layers": ["pool_2"]}}, "distribution")],
)  # fmt: skip
def test_what_a_probability_follows_from(
    raw_manifest: dict[str, Any], change: dict[str, Any], other: str | None
) -> None:
    before = parse(json.dumps(raw_manifest | SEVERAL))
    after = parse(json.dumps(raw_manifest | SEVERAL | change))
    assert [words for words, value in before.scoring.items() if after.scoring[words] != value] == [other] * bool(other)
    assert (scoring_sha256(before) == scoring_sha256(after)) == (other is None)


def test_the_checksum_of_what_scores_is_the_same_in_every_release(raw_manifest: dict[str, Any]) -> None:
    """It stands on the records of sites: another one for the same manifest would have all their hosts refuse it."""
    told = raw_manifest | {"distribution": CLOUD, "calibration": {"method": "temperature", "temperature": 2}}
    assert scoring_sha256(parse(json.dumps(told))) == "670b3e3a6b9528f6f6b39c6365bdd9e401078bda47c657247da1a85ff52d800a"


def test_a_version_without_a_distribution_judges_pictures_that_one_with_it_does_not(
    raw_manifest: dict[str, Any],
) -> None:
    without, with_it = parse(json.dumps(raw_manifest)), parse(json.dumps(raw_manifest | {"distribution": CLOUD}))
    assert without.scoring != with_it.scoring
