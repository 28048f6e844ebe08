"""The folder run/ of a training: what is kept there for going on, and whether a run may go on with it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

from models.errors import UsageFault
from models.training.presets import FineTune, Preset, preset, recipe_of
from models.whole_file import write_whole

STATE = "state.json"  # of the callbacks, after every epoch
HEAD = "head.weights.h5"  # of a network that is fine-tuned, once its outputs were trained by themselves
COPIES = "near_duplicates.csv"
SPLIT = "split.csv"
ARCHITECTURE = "architecture.txt"
RECIPE = "recipe.json"


def begun(run: Path) -> bool:
    """Whether anything was trained there: until then images may come and go, and groups and split follow them."""
    return (run / STATE).exists() or (run / HEAD).exists()


def expect_to_go_on(run: Path, recipe: Preset | FineTune, resume: bool) -> None:
    """Raises UsageFault when a run was begun there that is not to be resumed, or not with this recipe.

    A recipe of phases may have gained some after those of the run, and one that is ended by its patience more epochs:
    what was trained is the beginning of either. The manifest would claim of any other what was not trained.
    """
    if not begun(run):
        return
    if not resume:
        raise UsageFault(f"{run} holds an earlier run; add --resume to go on with it or name another --output")
    kept, received = run / ARCHITECTURE, recipe.architecture  # runs that were begun before it was kept have none
    if kept.exists() and (first := kept.read_text(encoding="utf-8").strip()) != received:
        raise UsageFault(
            f"{run} was begun with the architecture {first}, received {received}; add --architecture {first} or "
            "name another --output"
        )
    if (run / RECIPE).exists():  # likewise
        _expect_recipe(run, recipe)


def keep(run: Path, recipe: Preset | FineTune, split: str) -> None:
    """Keep what a run is begun with. Raises UsageFault when it was begun with another split.

    It would be measured on images that it was trained on.
    """
    kept, new = run / SPLIT, not begun(run)
    if new:
        write_whole(run / ARCHITECTURE, f"{recipe.architecture}\n".encode())
    elif kept.exists() and kept.read_text(encoding="utf-8") != split:
        raise UsageFault(f"{run} was begun with other images, groups or seed; resume with those or name another output")
    if new or (run / RECIPE).exists():  # it may be longer now
        write_whole(run / RECIPE, f"{json.dumps(asdict(recipe), indent=2)}\n".encode())
    write_whole(kept, split.encode())


def _expect_recipe(run: Path, recipe: Preset | FineTune) -> None:
    """Raises UsageFault when the recipe is not, or does not begin with, the one that the run was begun with."""
    first = _kept(run / RECIPE)
    if first is not None and _goes_on(first, recipe):
        return
    which, how = "that this release does not know", "go on with the release that it was begun with"
    if first is not None:
        others = [
            field.name for field in fields(first) if getattr(first, field.name) != getattr(recipe, field.name, None)
        ]
        which = f"with other {', '.join(others)}"
        if preset(recipe.architecture).cut(first.epochs) == first:
            which, how = f"of {first.epochs} epochs, received one of {recipe.epochs}", f"add --epochs {first.epochs}"
    raise UsageFault(f"{run} was begun with a recipe {which}; {how} or name another --output")


def _kept(path: Path) -> Preset | FineTune | None:
    """The recipe that the run was begun with. None: one that this release does not know."""
    try:
        return recipe_of(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        return None


def _goes_on(first: Preset | FineTune, recipe: Preset | FineTune) -> bool:
    """Whether what was trained by the first recipe is how the other begins."""
    if isinstance(first, FineTune):
        done = len(first.phases)
        return isinstance(recipe, FineTune) and first == replace(recipe, phases=recipe.phases[:done])
    return first.epochs <= recipe.epochs and recipe.cut(first.epochs) == first
