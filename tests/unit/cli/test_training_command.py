"""The command of the card asks `screen model train` for what the manifest says."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cli.commands.model.train import command as train
from cli.training_command import training_command
from models.manifest import Manifest, parse
from models.training.presets import PRESETS

DEFAULTS = {"calibration": None, "epochs": None, "malignant": (), "views": 1}
SEVEN = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]


def trained(architecture: str, epochs: int | None = None, **changes: Any) -> Manifest:
    """What a training of so many epochs leaves, as far as the command goes by it."""
    recipe = PRESETS[architecture] if epochs is None else PRESETS[architecture].cut(epochs)
    raw = {
        "format": 1,
        "name": "made-1",
        "architecture": architecture,
        "input_size": recipe.input_size,
        "preprocessing": recipe.preprocessing,
        "labels": ["benign", "malignant"],
        "calibration": {"method": "none"},
        "weights": {"file": "weights.safetensors", "sha256": "ab" * 32},
        "operating_points": {"f1": {"threshold": 0.5, "chosen_for": "F1", "chosen_on": "calibration", "expected": {}}},
        "default_operating_point": "f1",
        "metrics": {},
        "training": {"recipe": asdict(recipe), "seed": 11},
    }
    return parse(json.dumps(raw | changes))


def asked(manifest: Manifest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `screen model train` makes of the command."""
    (folder / "lesions").mkdir()
    monkeypatch.chdir(folder)
    said = training_command(manifest, "lesions")
    assert said is not None and said[1] is True
    begin, arguments = shlex.split(said[0])[:3], shlex.split(said[0])[3:]
    assert begin == ["screen", "model", "train"]
    params = train.make_context("train", arguments).params
    assert (params["architecture"], params["seed"]) == (manifest.architecture, 11)
    assert (params["data"], params["folder"]) == (Path("lesions"), Path("made-1"))
    return {key: params[key] for key in DEFAULTS}


TEMPERATURE = {"method": "temperature", "temperature": 1.5}
ISOTONIC = {"method": "isotonic", "knots": [["0.100000", "0.050000"]]}


@pytest.mark.parametrize(
    ("architecture", "epochs", "changes", "options"),
    [
        ("hidri", None, {}, {}),
        ("hidri", 20, {"calibration": TEMPERATURE}, {"calibration": "temperature"}),
        ("thompson", 3, {"views": 4}, {"epochs": 3, "views": 4}),
        ("efficientnet-lite2", None, {"calibration": TEMPERATURE}, {}),
        ("efficientnet-lite2", 20, {"calibration": ISOTONIC}, {"calibration": "isotonic", "epochs": 20}),
        (
            "efficientnet-lite0",
            10,
            {"classes": SEVEN, "malignant": ["akiec", "bcc", "mel"], "calibration": TEMPERATURE, "views": 2},
            {"malignant": ("akiec,bcc,mel",), "epochs": 10, "views": 2},
        ),
    ],
)
def test_every_option_that_is_not_the_default(
    architecture: str, epochs: int | None, changes: dict[str, Any], options: dict[str, Any],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert asked(trained(architecture, epochs, **changes), tmp_path, monkeypatch) == DEFAULTS | options


@pytest.mark.parametrize(
    "change",
    [{"batch_size": 16}, {"phases": []}, {"phases": [{"epochs": "all"}]}, {"phases": [7]}, {"input_size": 256}],
    ids=str,
)
def test_another_recipe_is_told_apart(change: dict[str, Any]) -> None:
    recipe = asdict(PRESETS["efficientnet-lite2"]) | change
    said = training_command(trained("efficientnet-lite2", training={"recipe": recipe, "seed": 11}), "lesions")
    assert said is not None and said[1] is False
    assert "--epochs" not in said[0]


def test_a_recipe_of_an_older_release_is_the_same_where_the_newer_fields_change_nothing() -> None:
    recipe = asdict(PRESETS["efficientnet-lite2"].cut(26))
    for phase in recipe["phases"]:
        del phase["beside"]
    said = training_command(trained("efficientnet-lite2", training={"recipe": recipe, "seed": 11}), "lesions")
    assert said is not None and said[1] is True
    assert "--epochs 26" in said[0]


def test_none_without_a_recipe() -> None:
    assert training_command(trained("hidri", training={"imported": {"sha256": "ab"}}), "lesions") is None
    assert training_command(replace(trained("hidri"), architecture="vgg"), "lesions") is None
