"""Which images was a model version made with? Its split names them by SHA-256."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from models.checksum import sha256_hex
from models.errors import ModelInvalid
from models.manifest import Manifest, SplitEntry
from models.version import ModelVersion

FITTED = "its weights were fitted on them"

# what each part of the split decided about; whoever is measured on them is measured on what is already known
USED_FOR = {
    "train": FITTED,
    "validation": "its epoch was picked on them",
    "calibration": "its thresholds were chosen on them",
}


def used_for(manifest: Manifest) -> dict[str, str]:
    """What each part of the split decided about in a model version: as `USED_FOR`, unless its recipe has phases.

    Such a recipe picks no epoch, and the images that one would be picked on teach too (`models.training.finetune`).
    """
    recipe = manifest.training.get("recipe")
    in_phases = isinstance(recipe, dict) and "phases" in recipe
    return USED_FOR | {"validation": FITTED} if in_phases else dict(USED_FOR)


@dataclass(frozen=True)
class Known:
    """An image of the split: its part (``train``, ``validation``, ``calibration`` or ``test``) and its group."""

    part: str
    group: str


def known_images(version: ModelVersion) -> dict[str, Known] | None:
    """checksum -> what the split says of it; None where the model version has no split.

    Only these very bytes are known: a re-encoded copy of a training image is not recognised.
    Raises ModelInvalid when the split is missing or not the one of the manifest.
    """
    named = version.manifest.split or SplitEntry()
    path = version.folder / named.file
    if version.manifest.split is None and not path.is_file():
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelInvalid(
            f"model {version.name}: its split cannot be read ({error.strerror}): {path}; "
            "restore the folder of the model version"
        ) from error
    if named.sha256 is not None and sha256_hex(data) != named.sha256:
        raise ModelInvalid(
            f"model {version.name}: the split is not that of the manifest: expected SHA-256 {named.sha256}, "
            f"received {sha256_hex(data)}; restore the folder, else trained images pass for held-back ones"
        )
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8")))
        return {row["checksum"]: Known(row["part"], row["group"]) for row in rows}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise ModelInvalid(
            f"model {version.name}: {named.file}: expected checksum,label,part,group: {error}"
        ) from error
