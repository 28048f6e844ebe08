"""An evaluation: the images of a model version's own making apart from the others, and subgroups on their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.classes import BINARY, Classes
from models.evaluation.cases import Case
from models.evaluation.class_measurement import ClassMeasurement, measure_cases
from models.evaluation.measurement import Measurement, measure
from models.evaluation.parts import FITTED, USED_FOR

ENOUGH = 100
"""Of each class, at least: G. S. Collins, E. O. Ogundimu and D. G. Altman, Sample size considerations for the
external validation of a multivariable prognostic model, Statistics in Medicine 35 (2016)."""

Thresholds = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """``held_back``: without the images that the model version was made with; None where that is no other set.

    ``parts``: images by part of the split, "" for those that are in none; None where there is no split. ``used_for``:
    what each part that the model version was made with decided about.
    ``subgroups``: of the set that counts, by name. ``by_class``: of the set that counts, those of its images whose
    class is known; None for a binary model version, or where no image names a class.
    """

    everything: Measurement
    held_back: Measurement | None
    parts: dict[str, int] | None
    used_for: Mapping[str, str]
    subgroups: dict[str, Measurement]
    by_class: ClassMeasurement | None = None

    @property
    def headline(self) -> Measurement:
        """The set that counts: held-back images where there are any."""
        return self.held_back or self.everything

    @property
    def used(self) -> int:
        """How many of the images the model version was made with."""
        return sum((self.parts or {}).get(part, 0) for part in self.used_for)

    def as_json(self) -> dict[str, Any]:
        shown = None if self.parts is None else {part or "not_in_split": n for part, n in self.parts.items()}
        return {
            "parts_of_the_split": shown,
            "headline": "held_back" if self.held_back else "all",
            "all": self.everything.as_json(),
            "held_back": self.held_back.as_json() if self.held_back else None,
            "subgroups": {name: item.as_json() for name, item in self.subgroups.items()},
            "classes": self.by_class.as_json() if self.by_class else None,
        }


def evaluate(
    cases: Sequence[Case],
    thresholds: Thresholds,
    prevalences: Sequence[float],
    *,
    has_split: bool,
    used_for: Mapping[str, str] = USED_FOR,
    classes: Classes = BINARY,
    on_set: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Measure one or more cases.

    ``used_for``: see `models.evaluation.parts`. ``on_set`` is told how many of the sets are measured, and of how many.
    """
    held = [case for case in cases if case.part not in used_for]
    apart = 0 < len(held) < len(cases)
    names = sorted({case.subgroup for case in cases if case.subgroup})
    counted = held or cases
    groups = {name: [case for case in counted if case.subgroup == name] for name in names}
    sets = {"all": list(cases), **({"held": held} if apart else {})}
    total, done = len(sets) + sum(bool(group) for group in groups.values()), 0

    on_set(done, total)

    def measured(items: Sequence[Case]) -> Measurement:
        nonlocal done
        found = measure(items, thresholds, prevalences)
        done += 1
        on_set(done, total)
        return found

    return Evaluation(
        everything=measured(sets["all"]),
        held_back=measured(held) if apart else None,
        parts=dict(sorted(Counter(case.part for case in cases).items())) if has_split else None,
        used_for=used_for,
        subgroups={name: measured(group) for name, group in groups.items() if group},
        by_class=measure_cases(counted, classes),
    )


def warnings(evaluation: Evaluation, model: str) -> list[str]:
    """What a reader must know before the numbers, the gravest first."""
    said: list[str] = []
    parts, total = evaluation.parts, evaluation.everything.images
    if parts is None:
        said.append(
            f"{model} has no split.csv: it cannot be told whether it was trained on any of these images. "
            "If it was, the numbers are too good."
        )
    elif evaluation.used:
        taught = [part for part, why in evaluation.used_for.items() if why == FITTED and parts.get(part)]
        trained = sum(parts[part] for part in taught)
        which = "" if taught == ["train"] else f" (of its part{'s' * (len(taught) > 1)} {' and '.join(taught)})"
        what = f"{trained} of the {total} images are images that {model} was TRAINED on{which}. " if trained else ""
        others = [
            f"{parts[part]} of the part {part} ({why})"
            for part, why in evaluation.used_for.items()
            if part not in taught and parts.get(part)
        ]
        if others:
            what += f"{'Among the others are ' if trained else 'Among the images are '}{' and '.join(others)}. "
        said.append(
            what
            + (
                f"Numbers of the {evaluation.held_back.images} held-back images are reported apart and come first."
                if evaluation.held_back
                else "No image is held back: these numbers do not measure how the model does on new lesions."
            )
        )
    counted = evaluation.headline
    if min(counted.malignant, counted.benign) < ENOUGH:
        said.append(
            f"Only {counted.malignant} malignant and {counted.benign} benign images count: fewer than {ENOUGH} of "
            "each are too few for a dependable validation."
        )
    return said
