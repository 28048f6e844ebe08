"""The checksum of all that a probability follows from, by which hosts tell whether they have the same model version."""

from __future__ import annotations

import json

from models.checksum import sha256_hex
from models.manifest import Manifest

OTHER_SCORING = "another calibration, limit of unlike pictures, views, classes, preprocessing or architecture"


def scoring_sha256(manifest: Manifest) -> str:
    """SHA-256 of ``Manifest.scoring`` as JSON, 64 hexadecimal digits.

    It stands on records: what is in it, and how it is written, changes in no release.
    """
    cloud = manifest.distribution
    said = {
        "architecture": manifest.architecture,
        "input_size": manifest.input_size,
        "weights": manifest.weights_sha256,
        "preprocessing": manifest.preprocessing,
        "views": manifest.views,
        "calibration": manifest.calibration.as_json(),
        "classes": manifest.classes.as_json(),
        "distribution": None if cloud is None else [cloud.sha256, list(cloud.layers), cloud.limit],
    }
    return sha256_hex(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
