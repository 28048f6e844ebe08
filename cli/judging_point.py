"""By which operating point a version that was just trained judges, and why it is not the usual one."""

from __future__ import annotations

from models.manifest import Manifest
from models.operating_point import JUDGES, SENSITIVITIES, fewest


def judging_point(manifest: Manifest) -> list[str]:
    """Lines for the person who trained it; the last ones warn where the version promises less than is usual."""
    point, malignant = manifest.default, manifest.metrics["calibration"]["malignant"]
    usual = JUDGES[0]
    lines = [f"{manifest.name} judges by {point.name} ({point.chosen_for}), threshold {point.threshold:.6f}."]
    missing = [
        f"{name} (needs {fewest(wanted)})"
        for name, wanted in SENSITIVITIES.items()
        if name not in manifest.operating_points
    ]
    if missing:
        lines.append(
            f"Not there: {', '.join(missing)}: the calibration part has {malignant} malignant images, too few to "
            "promise more."
        )
    if point.name != usual:
        missed = 1 - point.expected["calibration"]["sensitivity"]
        promise = "" if point.name in SENSITIVITIES else " and promises no sensitivity"
        lines.append(
            f"Warning: {point.name} is not {usual}{promise}; it missed {100 * missed:.1f} % of the malignant images of "
            "the calibration part. Train with more malignant images before anything is judged by it."
        )
    return lines
