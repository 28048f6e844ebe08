"""The classes that a network tells apart, and which of them count as malignant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelInvalid

BENIGN, MALIGNANT = "benign", "malignant"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
NAME_RULE = "a letter, then at most 49 letters, digits, _ or -"


@dataclass(frozen=True)
class Classes:
    """``names`` in the order of the network's outputs, and those of them that count as ``malignant``, in that order."""

    names: tuple[str, ...]
    malignant: tuple[str, ...]

    @property
    def several(self) -> bool:
        """Whether the network says a probability for each class. The binary one has a single unit, for malignant."""
        return self != BINARY

    @property
    def units(self) -> int:
        """Outputs of the network for one picture."""
        return len(self.names) if self.several else 1

    @property
    def benign(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in self.malignant)

    @property
    def are_malignant(self) -> NDArray[np.bool_]:
        """(classes,): whether each counts as malignant."""
        return np.array([name in self.malignant for name in self.names])

    def malignant_labels(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of classes (n,) -> 0 benign, 1 malignant."""
        found: NDArray[np.int64] = self.are_malignant[labels].astype(np.int64)
        return found

    def as_json(self) -> dict[str, list[str]]:
        """The manifest's keys; none of them for the binary network, whose manifest stays as it always was."""
        return {"classes": list(self.names), "malignant": list(self.malignant)} if self.several else {}


BINARY = Classes((BENIGN, MALIGNANT), (MALIGNANT,))


def classes_of(names: Sequence[str], malignant: Sequence[str]) -> Classes:
    """Classes by their names. Raises ValueError that says which name, or which choice of malignant, is not sound."""
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"the name of a class: expected {NAME_RULE}, received {name!r}")
    if len({name.casefold() for name in names}) < len(names):
        raise ValueError(f"expected names that differ in more than capitals, received {', '.join(names)}")
    if unknown := [name for name in malignant if name not in names]:
        raise ValueError(f"{', '.join(unknown)}: expected classes that are there: {', '.join(names) or 'none'}")
    chosen = tuple(name for name in names if name in malignant)
    if not 0 < len(chosen) < len(names):
        raise ValueError(
            f"expected at least one class that counts as malignant and one that does not, received "
            f"{', '.join(chosen) or 'none'} as malignant among {', '.join(names) or 'none'}"
        )
    if BENIGN in chosen or (MALIGNANT in names and MALIGNANT not in chosen):
        raise ValueError(f"a class called {BENIGN} cannot count as malignant, one called {MALIGNANT} must")
    return Classes(tuple(names), chosen)


def parse_classes(raw: dict[str, Any]) -> Classes:
    """Read the manifest's ``classes`` and ``malignant``; without the first it is binary. Raises ModelInvalid."""
    if "classes" not in raw:
        return BINARY
    for key in ("classes", "malignant"):
        value = raw.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ModelInvalid(f"manifest.json: {key}: expected a list of names, received {value!r}")
    try:
        return classes_of(raw["classes"], raw["malignant"])
    except ValueError as error:
        raise ModelInvalid(f"manifest.json: classes: {error}") from error
