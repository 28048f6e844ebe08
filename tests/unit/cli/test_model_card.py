"""The model card: from manifests alone, side by side, and never stale."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cli import model_card
from cli.main import run
from models.catalogue import DEFAULT_MODEL
from models.errors import ModelInvalid
from models.evaluation.bootstrap import METHOD
from models.manifest import Manifest, parse
from models.training.data_notes import COLLECTIONS, read_notes
from models.training.presets import PRESETS
from models.training.published import COLLECTION, PUBLISHED
from models.version import ModelVersion
from storage.report import NOTICE
from storage.settings import Settings

ROOT = Path(__file__).resolve().parents[3]


def version(raw: dict[str, Any], name: str, **changes: Any) -> ModelVersion:
    return ModelVersion(Path(name), parse(json.dumps(raw | {"name": name} | changes)))


@pytest.fixture
def raw() -> dict[str, Any]:
    """A measured version whose sensitivity is 0.9 and specificity 0.8."""
    measured = {"sensitivity": 0.9, "sensitivity_interval": [0.85, 0.94], "specificity": 0.8}
    return {
        "format": 1,
        "name": "one-1",
        "architecture": "hidri",
        "input_size": 32,
        "preprocessing": "square-1",
        "labels": ["benign", "malignant"],
        "weights": {"file": "weights.safetensors", "sha256": "ab" * 32},
        "operating_points": {
            "f1": {
                "threshold": 0.25,
                "chosen_for": "best F1",
                "chosen_on": "calibration part",
                "expected": {"test": measured | {"specificity_interval": [0.75, 0.84]}},
            }
        },
        "default_operating_point": "f1",
        "metrics": {"test": {"images": 100, "malignant": 40, "roc_auc": 0.91, "intervals": {"roc_auc": [0.88, 0.94]}}},
        "training": {},
        "split": {"file": "split.csv", "sha256": "cd" * 32},
    }


def test_the_committed_card_is_what_the_command_writes(settings: Settings, tmp_path: Path) -> None:
    """After new weights: `make card`."""
    assert run(["model", "card", "--shipped", "--output", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == (ROOT / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_the_active_version_is_the_default_and_json_holds_its_manifest(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["model", "card", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["notice"] == NOTICE
    [shown] = found["models"]
    manifest = next(item for item in model_card.shipped() if item.name == DEFAULT_MODEL).manifest
    assert shown["manifest"] == manifest.raw
    assert shown["predictive_values"].keys() == manifest.operating_points.keys()


def test_shipped_takes_no_name(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model", "card", "--shipped", DEFAULT_MODEL]) == 2
    assert "expected no MODEL beside it" in capsys.readouterr().err


def test_predictive_values_by_hand(raw: dict[str, Any]) -> None:
    at = model_card.predictive(version(raw, "one-1").manifest.default)
    assert [item["prevalence"] for item in at] == [0.02, 0.05, 0.07]
    assert at[1]["ppv"]["value"] == pytest.approx(0.9 * 0.05 / (0.9 * 0.05 + 0.2 * 0.95), abs=1e-6)
    assert at[1]["npv"]["value"] == pytest.approx(0.8 * 0.95 / (0.8 * 0.95 + 0.1 * 0.05), abs=1e-6)
    low, high = at[1]["ppv"]["range"]
    assert low == pytest.approx(0.85 * 0.05 / (0.85 * 0.05 + 0.25 * 0.95), abs=1e-6)
    assert high == pytest.approx(0.94 * 0.05 / (0.94 * 0.05 + 0.16 * 0.95), abs=1e-6)


def test_the_figures_stand_in_the_card_with_their_commands(raw: dict[str, Any]) -> None:
    text = model_card.markdown([version(raw, "one-1")], "screen model card one-1")
    assert "| test part | 100 (40) | 0.910 (0.880-0.940) | not measured |" in text
    assert "| `f1` (default) | 0.250000 | best F1 | 90.0 % (85.0-94.0) | 80.0 % (75.0-84.0) |" in text
    assert "| 5.0 % | 19.1 % (15.2-23.6) | 99.3 % (99.0-99.6) |" in text
    assert "`screen model evaluate lesions --model one-1 --json`" in text
    assert f"`{'ab' * 32}`" in text
    assert "The manifest says nothing of the data" in text
    assert "Side by side" not in text
    assert NOTICE in text


def test_how_its_intervals_were_found_is_told_by_the_manifest(raw: dict[str, Any]) -> None:
    now = model_card.markdown([version(raw, "one-1", intervals_of_metrics=METHOD)], "")
    assert f"Intervals: {METHOD}. Thresholds" in now
    before = model_card.markdown([version(raw, "one-1")], "")
    assert "(percentiles, which of the calibration error lie too high)" in before


@pytest.mark.parametrize(
    ("split", "same", "said"),
    [({"file": "split.csv", "sha256": "cd" * 32}, True, "may be compared"),
     ({"file": "split.csv", "sha256": "ef" * 32}, False, "They were not measured on the same test part"),
     (None, None, "cannot be told whether")],
)  # fmt: skip
def test_whether_two_may_be_compared(raw: dict[str, Any], split: object, same: bool | None, said: str) -> None:
    other = {key: value for key, value in raw.items() if key != "split"} | ({"split": split} if split else {})
    both = [version(raw, "one-1"), version(other, "two-1")]
    assert model_card.facts(both)["same_test_part"] is same
    assert said in model_card.markdown(both, "screen model card one-1 two-1")


def test_a_ring_that_was_measured_is_shown(raw: dict[str, Any]) -> None:
    metrics = raw["metrics"] | {"test_ringed": {"images": 100, "malignant": 40, "roc_auc": 0.7}}
    ringed = {"sensitivity": 1.0, "sensitivity_interval": [0.9, 1.0], "specificity": 0.1}
    point = raw["operating_points"]["f1"]
    point = point | {"expected": point["expected"] | {"test_ringed": ringed | {"specificity_interval": [0.05, 0.2]}}}
    both = [version(raw, "two-1", metrics=metrics, operating_points={"f1": point}), version(raw, "one-1")]
    text = model_card.markdown(both, "")
    assert "| ROC-AUC with a dark ring drawn on every image | 0.700 | not measured |" in text
    assert "| specificity then, at the same threshold | 10.0 % (5.0-20.0) | not measured |" in text
    assert "`screen model evaluate lesions --model two-1`, with `--ring 0.9` for the rows with a ring" in text


def test_a_version_that_was_never_measured_says_so(raw: dict[str, Any]) -> None:
    point = raw["operating_points"]["f1"] | {"expected": {}}
    bare = version(raw, "bare-1", metrics={}, operating_points={"f1": point})
    text = model_card.markdown([bare], "screen model card bare-1")
    assert "**Not measured.**" in text
    assert "not measured | not measured" in text
    assert model_card.facts([bare])["models"][0]["predictive_values"] == {"f1": []}
    assert "do not compare" in model_card.markdown([bare, version(raw, "one-1")], "")


def trained(architecture: str) -> dict[str, Any]:
    """What a version by a project's recipe, on the collection of both, says in its manifest."""
    training = {"recipe": asdict(PRESETS[architecture]), "seed": 7, "epochs_run": 9, "libraries": {}}
    return {"architecture": architecture, "training": training, "data": read_notes(COLLECTION)}


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_what_was_published_stands_beside_ours_with_the_leak(raw: dict[str, Any], architecture: str) -> None:
    of = PUBLISHED[architecture]
    text = model_card.markdown([version(raw, "one-1", **trained(architecture))], "")
    assert f"| {of.project} | ROC-AUC | {of.figures['roc_auc']} | 0.910 (0.880-0.940) (`one-1`) |" in text
    assert of.explanation in text


OURS = {"name": "images of our clinic"}
FEWER = trained("hidri")["training"] | {"recipe": asdict(PRESETS["hidri"].cut(5))}
THREE = {"classes": ["benign", "a", "b"], "malignant": ["a", "b"]}


@pytest.mark.parametrize(
    "change",
    [{"data": OURS}, {"data": {}}, {"training": FEWER}, {"training": {}}, {"metrics": {}}, THREE],
    ids=["other data", "data not told", "fewer epochs", "imported", "not measured", "several classes"],
)
def test_what_was_published_does_not_stand_beside_what_cannot_be_compared(
    raw: dict[str, Any], change: dict[str, Any]
) -> None:
    """Neither other data nor another training is "what their recipes give here"."""
    alike = version(raw, "one-1", **trained("hidri"))
    other = version(raw, "two-1", **trained("hidri") | change)
    assert "## What the projects published" in model_card.markdown([alike], "")
    assert "## What the projects published" not in model_card.markdown([other], "")
    assert [item["published"] is None for item in model_card.facts([alike, other])["models"]] == [False, True]


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {"test": {"images": 100, "malignant": 40, "roc_auc": 0.91, "intervals": {"roc_auc": 0.02}}}},
        {"metrics": {"test": {"roc_auc": 0.91}}},
        {"metrics": {"test": {"images": 0, "malignant": 0}}},
        {"data": {"found": {"classes": {"benign": 900}}}},
        {"training": {"recipe": "the best one", "epochs_run": 3}},
    ],
)
def test_figures_of_another_shape_are_no_fault_of_dermscreen(raw: dict[str, Any], changes: dict[str, Any]) -> None:
    foreign = version(raw, "foreign-1", **changes)
    with pytest.raises(ModelInvalid, match="no card can be written of one-1, foreign-1: expected the metrics, data"):
        model_card.markdown([version(raw, "one-1"), foreign], "screen model card")


def test_a_manifest_smuggles_nothing_in(raw: dict[str, Any]) -> None:
    said = version(raw, "one-1", data={"licence": "free | <script>alert(1)</script>\n# Approved"})
    text = model_card.markdown([said], "")
    assert "<script" not in text
    assert "\n# Approved" not in text
    assert "free \\| &lt;script>" in text


def test_nor_do_the_names_in_it(raw: dict[str, Any]) -> None:
    """Of classes, of parts of the split; a manifest with such a name of an operating point is refused."""
    name = "x | <script>\n# Approved"
    row = {"classes": {name: {"images": 1, "dark_corners": 0.5}}, "near_duplicates": {"groups": 0, "images": 0}}
    metrics = raw["metrics"] | {name: {"images": 1, "malignant": 1}}
    text = model_card.markdown([version(raw, "one-1", data={"found": row}, metrics=metrics)], "")
    assert text.count("x \\| &lt;script> # Approved") >= 2
    assert "<script" not in text and "\n# Approved" not in text


def measured(value: float, interval: list[float] | None = None) -> dict[str, Any]:
    return {"value": value, "interval": interval}


@pytest.fixture
def several(raw: dict[str, Any]) -> dict[str, Any]:
    """The same with three classes, each of them measured."""
    row = {"sensitivity": measured(0.75, [0.7, 0.8]), "roc_auc": measured(0.9125, [0.875, 0.95])}
    classes = {
        "images": 100,
        "accuracy": measured(0.8, [0.7, 0.9]),
        "balanced_accuracy": {"value": None, "interval": None},
        "confusion": {"names": ["bkl", "mel", "nv"], "images": [[30, 5, 5], [4, 16, 0], [6, 0, 34]]},
        "by_class": {"bkl": row | {"images": 40}, "mel": row | {"images": 20}, "nv": row | {"images": 40}},
    }
    found = {name: {"images": 1000, "dark_corners": 0.25} for name in ("bkl", "mel", "nv")}
    data = {"found": {"classes": found, "near_duplicates": {"groups": 1, "images": 2}}}
    named = {"classes": ["bkl", "mel", "nv"], "malignant": ["bkl", "mel"]}
    return raw | named | {"class_metrics": {"test": classes}, "data": data}


def test_several_classes_are_named_mapped_and_measured(several: dict[str, Any]) -> None:
    text = model_card.markdown([version(several, "one-1")], "")
    assert "the folder with one folder a class that the network was trained from" in text
    assert "that of malignant, which thresholds judge, is the sum over bkl, mel |" in text
    rates = "75.0 % (70.0-80.0) | 0.912 (0.875-0.950)"
    for name, kind, images in (("bkl", "malignant", 40), ("mel", "malignant", 20), ("nv", "benign", 40)):
        assert f"| {name} | {kind} | {images} | {rates} |\n" in text
        assert f"| {name} | 1,000 | 25.0 % |\n" in text
    assert "is the true one in 80.0 % (70.0-90.0); the mean over the classes is not measured." in text
    assert "| true class (rows), most probable class (columns) | bkl | mel | nv |\n| --- | --- | --- | --- |\n" in text
    assert "\n| mel | 4 | 16 | 0 |\n" in text
    assert "`screen model evaluate lesions --model one-1 --json` (`classes`)" in text


@pytest.mark.parametrize("found", [None, {}])
def test_classes_that_nobody_measured_are_named_all_the_same(several: dict[str, Any], found: object) -> None:
    text = model_card.markdown([version(several, "one-1", class_metrics=found)], "")
    assert "| bkl | malignant | not " in text
    assert "| nv | benign | not " in text


def test_other_malignant_classes_are_not_compared(several: dict[str, Any]) -> None:
    """The same images by the same split; but what was told from what is not the same."""
    both = [version(several, "one-1"), version(several, "two-1", malignant=["mel"])]
    text = model_card.markdown(both, "")
    assert "They do not count the same classes as malignant" in text
    assert "may be compared" not in text


def test_how_to_train_it_anew(several: dict[str, Any]) -> None:
    training = {"recipe": asdict(PRESETS["hidri"].cut(5)), "seed": 3, "epochs_run": 5, "libraries": {}}
    text = model_card.markdown([version(several, "one-1", training=training)], "")
    options = "--architecture hidri --data lesions --seed 3 --malignant bkl,mel --epochs 5 --output one-1"
    assert f"\nTrain it anew: `screen model train {options}`.\n" in text
    other = training | {"recipe": training["recipe"] | {"zoom": 0.5}}
    text = model_card.markdown([version(several, "one-1", training=other)], "")
    assert "\nThis release has another recipe for hidri, and trains by that: `screen model train" in text
    text = model_card.markdown([version(several, "one-1", architecture="vgg", training=training)], "")
    assert "\nThis release has no recipe for vgg.\n" in text


def test_every_field_of_the_notes_is_shown(raw: dict[str, Any]) -> None:
    (path,) = COLLECTIONS.glob("*.json")
    notes = read_notes(path)
    text = model_card.markdown([version(raw, "one-1", data=notes)], "")
    for said in (notes["name"], notes["source"], notes["licence"], *notes["leaks"], *notes["limits"]):
        assert said in text


def test_the_same_data_is_described_once(raw: dict[str, Any]) -> None:
    manifests: list[Manifest] = [version(raw, name, data={"name": "the data"}).manifest for name in ("a-1", "b-1")]
    assert [names for names, _ in model_card._collections(manifests)] == [["a-1", "b-1"]]
    apart = [manifests[0], replace(manifests[1], data={})]
    assert [names for names, _ in model_card._collections(apart)] == [["a-1"], ["b-1"]]
