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
    said = {words.replace(" ", "_"): value for words, value in manifest.scoring.items()}
    text = json.dumps(said, default=lambda part: part.as_json(), sort_keys=True, separators=(",", ":"))
    return sha256_hex(text.encode())
