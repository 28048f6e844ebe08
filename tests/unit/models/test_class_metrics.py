"""Numbers of a foreign manifest are what they should be, or the manifest is refused by their name."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from models.class_metrics import checked_class_metrics
from models.classes import Classes
from models.evaluation.class_measurement import measure_classes

CLASSES = Classes(("bkl", "mel", "nv"), ("mel",))


@pytest.fixture
def measured() -> dict[str, Any]:
    """As it is written at the end of a training."""
    probabilities = np.random.default_rng(1).dirichlet((1, 1, 1), 30)
    truth = np.arange(30) % 3
    return {"test": measure_classes(truth, probabilities, [str(n) for n in range(30)], CLASSES).as_json()}


def test_what_is_measured_is_sound(measured: dict[str, Any]) -> None:
    assert checked_class_metrics(CLASSES, measured) == measured


@pytest.mark.parametrize(
    ("path", "value"),
    [("test", []), ("test.images", "many"), ("test.accuracy", 0.9), ("test.balanced_accuracy", {"value": 2.0}),
     ("test.accuracy", {"value": 0.9, "interval": [0.1]}), ("test.confusion", None),
     ("test.confusion.images", [[1, 2], [3, 4]]), ("test.by_class.mel", None), ("test.by_class.nv.images", -1),
     ("test.by_class.nv.roc_auc", {"value": "high", "interval": None})],
)  # fmt: skip
def test_what_is_not_is_named(measured: dict[str, Any], path: str, value: object) -> None:
    wrong = deepcopy(measured)
    *steps, last = path.split(".")
    holder: Any = wrong
    for step in steps:
        holder = holder[step]
    holder[last] = value
    with pytest.raises(ValueError, match=rf"^{path.replace('.', '[.]')}: expected .*, received "):
        checked_class_metrics(CLASSES, wrong)
