"""What the projects behind the reference networks published, beside which their recipes' figures here are shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from models.manifest import Manifest
from models.training.data_notes import COLLECTIONS
from models.training.presets import PRESETS, recipe_of


@dataclass(frozen=True)
class Published:
    """Figures (0..1) by the names that a manifest's metrics have, on what, and why they are not ours."""

    project: str
    figures: dict[str, float]
    measured_on: str
    explanation: str


PUBLISHED = {
    "hidri": Published(
        project="Hidri",
        figures={"roc_auc": 0.9238, "pr_auc": 0.9098, "f1": 0.8645, "accuracy": 0.863},
        measured_on="1,000 test images of a sister set of the same collection, at the threshold 0.43",
        explanation="The threshold was chosen on the very images that are reported, so F1 and accuracy are the best "
        "that they allow. How many of them have copies among the training images is not known: they are not at hand.",
    ),
    "thompson": Published(
        project="Thompson",
        figures={"roc_auc": 0.97, "accuracy": 0.9120},
        measured_on="the 2,000 images of the collection's published test part",
        explanation="Of the 1,000 malignant images there 655 (65.5 %) are re-encoded copies of training images, none "
        "of the benign are, and the early decisions of the project were made on that part: it measures memory too.",
    ),
}
"""By architecture. Our recipes (`models.training.presets`) are theirs apart from these leaks."""

COLLECTION = COLLECTIONS / "melanoma-cancer-image-dataset.json"
"""The notes on the images that both projects learned from."""


def comparable(manifest: Manifest) -> Published | None:
    """What was published of the project whose recipe the version followed to the end, on that collection.

    None where there is no such project, and where the version was not trained so or not measured: a clinic's own
    data, an imported network or fewer epochs say nothing of the recipe.
    """
    found = PUBLISHED.get(manifest.architecture)
    followed = recipe_of(manifest.training.get("recipe")) == PRESETS.get(manifest.architecture)
    measured = manifest.metrics.get("test") and not manifest.classes.several
    return found if found and followed and measured and manifest.data.get("name") == _name() else None


def _name() -> Any:
    return json.loads(COLLECTION.read_text(encoding="utf-8"))["name"]
