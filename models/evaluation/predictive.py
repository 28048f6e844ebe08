"""What an outcome is worth where malignant lesions are as rare as they are in a clinic.

Bayes' theorem; sensitivity and specificity are taken to be the same at any prevalence.
"""

from __future__ import annotations

from typing import Any

PREVALENCES = (0.02, 0.05, 0.07)  # shares of malignant lesions seen in clinics; the data here have 0.44


def positive_predictive_value(sensitivity: Any, specificity: Any, prevalence: Any) -> Any:
    """Share of the flagged lesions that are malignant. Numbers or arrays, each 0..1."""
    hits = sensitivity * prevalence
    return hits / (hits + (1 - specificity) * (1 - prevalence))


def negative_predictive_value(sensitivity: Any, specificity: Any, prevalence: Any) -> Any:
    """Share of the lesions not flagged that are benign. Numbers or arrays, each 0..1."""
    spared = specificity * (1 - prevalence)
    return spared / (spared + (1 - sensitivity) * prevalence)
