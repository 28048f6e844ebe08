"""How well several classes are told apart: a confusion matrix, and each class against all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classes import Classes
from models.evaluation.bootstrap import estimated, rated, resample
from models.evaluation.cases import Case
from models.evaluation.estimate import Estimate
from models.evaluation.metrics import share
from models.evaluation.weighted import Floats, weighted_roc_auc


@dataclass(frozen=True)
class ClassRow:
    """One class. ``sensitivity``: share of its images whose most probable class it is."""

    name: str
    malignant: bool
    images: int
    sensitivity: Estimate
    roc_auc: Estimate  # of its probability, against the images of all other classes

    def as_json(self) -> dict[str, Any]:
        return {
            "malignant": self.malignant,
            "images": self.images,
            "sensitivity": self.sensitivity.as_json(),
            "roc_auc": self.roc_auc.as_json(),
        }


@dataclass(frozen=True)
class ClassMeasurement:
    """The numbers of one set of images whose class is known.

    ``confusion``: a row for each true class, in it how many images have each class as their most probable one.
    ``balanced_accuracy``: the mean of the sensitivities, so that a rare class counts as much as a common one.
    """

    classes: Classes
    images: int
    confusion: tuple[tuple[int, ...], ...]
    rows: tuple[ClassRow, ...]
    accuracy: Estimate
    balanced_accuracy: Estimate

    def as_json(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "accuracy": self.accuracy.as_json(),
            "balanced_accuracy": self.balanced_accuracy.as_json(),
            "confusion": {
                "rows": "true class",
                "columns": "most probable class",
                "names": list(self.classes.names),
                "images": [list(row) for row in self.confusion],
            },
            "by_class": {row.name: row.as_json() for row in self.rows},
        }


def measure_cases(cases: Sequence[Case], classes: Classes) -> ClassMeasurement | None:
    """Measure the cases whose class is known; None where there is none."""
    known = [case for case in cases if case.class_name in classes.names and case.by_class]
    if not known:
        return None
    return measure_classes(
        truth=np.array([classes.names.index(case.class_name) for case in known]),
        probabilities=np.array([[(case.by_class or {})[name] for name in classes.names] for case in known]),
        groups=[case.group for case in known],
        classes=classes,
    )


def measure_classes(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], groups: Sequence[str], classes: Classes
) -> ClassMeasurement:
    """Measure one or more images.

    Args:
        truth: (n,), numbers of the classes.
        probabilities: (n, classes), 0..1; of equal ones the first class is the most probable.
        groups: n names of what belongs together; they are drawn whole in the bootstrap.

    Intervals as in `models.evaluation.measurement`.
    """
    names = {group: number for number, group in enumerate(sorted(set(groups)))}
    numbers = np.array([names[group] for group in groups], np.int64)
    draws = resample(numbers, _Weighted(truth, probabilities, len(classes.names)))
    count, said = len(classes.names), probabilities.argmax(axis=1)
    matrix = np.zeros((count, count), np.int64)
    np.add.at(matrix, (truth, said), 1)
    rows = []
    for number, name in enumerate(classes.names):
        of_class = truth == number
        images = int(of_class.sum())
        found = share(int(matrix[number, number]), images)
        auc = None if images in (0, len(truth)) else _roc_auc(of_class, probabilities[:, number])
        rows.append(
            ClassRow(
                name=name,
                malignant=name in classes.malignant,
                images=images,
                sensitivity=rated(found, draws["sensitivity"][:, number], len(np.unique(numbers[of_class]))),
                roc_auc=estimated(auc, draws["roc_auc"][:, number]),
            )
        )
    sensitivities = [row.sensitivity.value for row in rows if row.sensitivity.value is not None]
    return ClassMeasurement(
        classes=classes,
        images=len(truth),
        confusion=tuple(tuple(int(value) for value in row) for row in matrix),
        rows=tuple(rows),
        accuracy=rated(float((said == truth).mean()), draws["accuracy"], len(names)),
        # of all classes or of none: a mean over those that happen to be there is another number
        balanced_accuracy=estimated(
            float(np.mean(sensitivities)) if len(sensitivities) == count else None, draws["balanced_accuracy"]
        ),
    )


class _Weighted:
    """Statistics of fixed images under weights (r, n): what the bootstrap needs."""

    def __init__(self, truth: NDArray[np.int64], probabilities: NDArray[np.float64], count: int) -> None:
        self._members = np.eye(count)[truth]
        self._right = (probabilities.argmax(axis=1) == truth).astype(np.float64)
        self._probabilities = probabilities

    def __call__(self, weights: Floats) -> dict[str, Floats]:
        """``accuracy`` and ``balanced_accuracy`` (r,); ``sensitivity`` and ``roc_auc`` (r, classes)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            sensitivity = (weights * self._right) @ self._members / (weights @ self._members)
            columns = zip(self._members.T, self._probabilities.T, strict=True)
            return {
                "accuracy": weights @ self._right / weights.sum(axis=1),
                "sensitivity": sensitivity,
                "balanced_accuracy": sensitivity.mean(axis=1),
                "roc_auc": np.stack([_ranked(weights, *column) for column in columns], axis=1),
            }


def _ranked(weights: Floats, members: Floats, probabilities: Floats) -> Floats:
    order = np.argsort(-probabilities, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(order) - 1)
    return weighted_roc_auc(weights[:, order], members[order], ends)


def _roc_auc(members: NDArray[np.bool_], probabilities: Floats) -> float:
    return float(_ranked(np.ones((1, len(members))), members.astype(np.float64), probabilities)[0])
