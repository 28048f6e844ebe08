"""What was trained is gone on with as it was begun, or not at all; what was not trained yet binds nobody."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import UsageFault
from models.training.presets import PRESETS, FineTune, Preset
from models.training.run_folder import ARCHITECTURE, HEAD, RECIPE, SPLIT, STATE, begun, expect_to_go_on, keep

HIDRI, THOMPSON, LITE2 = PRESETS["hidri"], PRESETS["thompson"], PRESETS["efficientnet-lite2"]


def test_a_folder_without_an_epoch_is_not_begun(tmp_path: Path) -> None:
    assert not begun(tmp_path / "none")
    for recipe, split in ((HIDRI, "one"), (THOMPSON, "other")):
        expect_to_go_on(tmp_path, recipe, resume=False)
        keep(tmp_path, recipe, split)
        assert (tmp_path / SPLIT).read_text() == split
        assert (tmp_path / ARCHITECTURE).read_text() == f"{recipe.architecture}\n"
        assert json.loads((tmp_path / RECIPE).read_text()) == asdict(recipe)
        assert not begun(tmp_path)


@pytest.mark.parametrize("kept", [STATE, HEAD])
def test_what_was_trained_is_not_passed_over(tmp_path: Path, kept: str) -> None:
    """The outputs alone, of a network that is fine-tuned, were trained on a split too."""
    keep(tmp_path, HIDRI, "one")
    (tmp_path / kept).write_text("{}")
    assert begun(tmp_path)
    with pytest.raises(UsageFault, match="holds an earlier run; add --resume to go on with it or name another"):
        expect_to_go_on(tmp_path, HIDRI, resume=False)
    with pytest.raises(UsageFault, match="begun with the architecture hidri, received thompson; add --architecture h"):
        expect_to_go_on(tmp_path, THOMPSON, resume=True)
    expect_to_go_on(tmp_path, HIDRI, resume=True)
    keep(tmp_path, HIDRI, "one")
    with pytest.raises(UsageFault, match="was begun with other images, groups or seed"):
        keep(tmp_path, HIDRI, "other")
    assert (tmp_path / SPLIT).read_text() == "one"


def test_a_run_begun_before_its_architecture_was_kept_goes_on(tmp_path: Path) -> None:
    """And what it is resumed with is not taken for what it was begun with."""
    (tmp_path / STATE).write_text("{}")
    (tmp_path / SPLIT).write_text("one")
    expect_to_go_on(tmp_path, THOMPSON, resume=True)
    keep(tmp_path, THOMPSON, "one")
    assert not (tmp_path / ARCHITECTURE).exists()
    assert not (tmp_path / RECIPE).exists()


def resume(run: Path, first: Preset | FineTune, recipe: Preset | FineTune) -> None:
    """Go on by a recipe with a run that was begun by the first."""
    keep(run, first, "one")
    (run / STATE).write_text("{}")
    expect_to_go_on(run, recipe, resume=True)
    keep(run, recipe, "one")


@pytest.mark.parametrize(
    ("first", "recipe", "message"),
    [
        (
            LITE2,
            LITE2.cut(5),
            "was begun with a recipe of 58 epochs, received one of 5; add --epochs 58 or name another",
        ),
        (LITE2.cut(9), LITE2, "was begun with a recipe of 9 epochs, received one of 58; add --epochs 9 or"),
        (LITE2.cut(9), LITE2.cut(18), "of 9 epochs, received one of 18; add --epochs 9"),
        (LITE2.cut(20), LITE2, "of 20 epochs, received one of 58"),  # its second phase was cut short
        (
            replace(LITE2, weight_decay=0.1),
            LITE2,
            "a recipe with other weight_decay; go on with the release that it was",
        ),
        (replace(LITE2, phases=LITE2.phases[:1] * 2), LITE2, "a recipe with other phases; go on with the release"),
        (HIDRI, HIDRI.cut(5), "of 20 epochs, received one of 5; add --epochs 20 or name another"),
        (replace(HIDRI, zoom=0.1), HIDRI, "a recipe with other zoom; go on"),
    ],
)
def test_a_run_does_not_go_on_with_another_recipe(
    tmp_path: Path, first: Preset | FineTune, recipe: Preset | FineTune, message: str
) -> None:
    """The manifest and the card would say that the network was trained by it."""
    with pytest.raises(UsageFault, match=message):
        resume(tmp_path, first, recipe)
    assert json.loads((tmp_path / RECIPE).read_text()) == json.loads(json.dumps(asdict(first)))


@pytest.mark.parametrize(
    ("first", "recipe"),
    [(LITE2, LITE2), (LITE2.cut(18), LITE2), (LITE2.cut(26), LITE2), (HIDRI, HIDRI), (HIDRI.cut(5), HIDRI)],
)
def test_a_run_goes_on_with_what_follows_its_recipe(
    tmp_path: Path, first: Preset | FineTune, recipe: Preset | FineTune
) -> None:
    """Phases of a later release, or more epochs before patience ends them; and not back again."""
    resume(tmp_path, first, recipe)
    assert json.loads((tmp_path / RECIPE).read_text()) == json.loads(json.dumps(asdict(recipe)))
    if first != recipe:
        with pytest.raises(UsageFault, match="epochs, received one of"):
            expect_to_go_on(tmp_path, first, resume=True)


def test_a_recipe_of_another_release(tmp_path: Path) -> None:
    """What it could not say yet is as it was then; what this release cannot read is not guessed at."""
    two = LITE2.cut(26)  # whose phases begin where the one before ended
    resume(tmp_path, two, two)
    raw: dict[str, Any] = json.loads((tmp_path / RECIPE).read_text())
    for phase in raw["phases"]:
        del phase["beside"]
    (tmp_path / RECIPE).write_text(json.dumps(raw))
    expect_to_go_on(tmp_path, two, resume=True)
    for text in (json.dumps(raw | {"mixup": 0.2}), "{"):
        (tmp_path / RECIPE).write_text(text)
        with pytest.raises(UsageFault, match="a recipe that this release does not know; go on with the release that"):
            expect_to_go_on(tmp_path, two, resume=True)
