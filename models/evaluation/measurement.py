"""Everything that is measured on one set of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.evaluation import curves, metrics
from models.evaluation.bootstrap import Draws, basic_interval, estimated, percentile_interval, rated, resample
from models.evaluation.calibration import BINS, Bin, Calibration, bin_numbers, expected_calibration_error
from models.evaluation.cases import Arrays, Case, arrays
from models.evaluation.estimate import Estimate, Interval
from models.evaluation.metrics import Confusion
from models.evaluation.outcomes import Outcomes, outcomes
from models.evaluation.predictive import negative_predictive_value, positive_predictive_value
from models.evaluation.weighted import Weighted


@dataclass(frozen=True)
class Predictive:
    """What an outcome is worth at a prevalence (0..1); ``observed``: that of the images themselves."""

    prevalence: float
    observed: bool
    ppv: Estimate
    npv: Estimate

    def as_json(self) -> dict[str, Any]:
        return {
            "prevalence": round(self.prevalence, 6) if self.observed else self.prevalence,
            "observed": self.observed,
            "ppv": self.ppv.as_json(),
            "npv": self.npv.as_json(),
        }


@dataclass(frozen=True)
class AtThreshold:
    """What one threshold (0..1) does.

    All but ``of_malignant`` and ``of_benign`` goes by the probability alone, also that of images which screening sends
    to review at this threshold.
    """

    name: str
    threshold: float
    confusion: Confusion
    of_malignant: Outcomes
    of_benign: Outcomes
    sensitivity: Estimate
    specificity: Estimate
    accuracy: Estimate
    f1: Estimate
    flagged: Estimate
    predictive: tuple[Predictive, ...]  # the last one at the observed prevalence

    @property
    def review(self) -> int:
        return self.of_malignant.review + self.of_benign.review

    def as_json(self) -> dict[str, Any]:
        counted = self.confusion
        return {
            "threshold": self.threshold,
            "confusion": {
                "malignant_flagged": counted.hits,
                "malignant_not_flagged": counted.misses,
                "benign_flagged": counted.alarms,
                "benign_not_flagged": counted.spared,
            },
            "review": self.review,
            "review_malignant": self.of_malignant.review,
            "outcomes": {"malignant": self.of_malignant.as_json(), "benign": self.of_benign.as_json()},
            **{name: getattr(self, name).as_json() for name in (*RATES, "f1")},
            "predictive_values": [item.as_json() for item in self.predictive],
        }


RATES = ("sensitivity", "specificity", "accuracy", "flagged")


@dataclass(frozen=True)
class Measurement:
    """The numbers of one set of images. ``points``: thresholds in the order in which they were asked for.

    ``half``: the threshold of 0.5, by which networks are compared that have no other in common. ``mean_benign``,
    ``mean_malignant``: mean probability, 0..1, of the images of each label.
    """

    images: int
    malignant: int
    groups: int
    roc_auc: Estimate
    pr_auc: Estimate
    calibration: Calibration
    points: tuple[AtThreshold, ...]
    half: AtThreshold
    mean_benign: Estimate
    mean_malignant: Estimate
    roc: curves.Curve
    pr: curves.Curve

    @property
    def benign(self) -> int:
        return self.images - self.malignant

    def as_json(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "malignant": self.malignant,
            "benign": self.benign,
            "groups": self.groups,
            "roc_auc": self.roc_auc.as_json(),
            "pr_auc": self.pr_auc.as_json(),
            "accuracy_at_0.5": self.half.accuracy.as_json(),
            "f1_at_0.5": self.half.f1.as_json(),
            "mean_probability": {"malignant": self.mean_malignant.as_json(), "benign": self.mean_benign.as_json()},
            "calibration": self.calibration.as_json(),
            "operating_points": {point.name: point.as_json() for point in self.points},
            "roc_curve": [[round(x, 6), round(y, 6)] for x, y in self.roc],
            "pr_curve": [[round(x, 6), round(y, 6)] for x, y in self.pr],
        }


def measure(
    cases: Sequence[Case], thresholds: Sequence[tuple[str, float]], prevalences: Sequence[float]
) -> Measurement:
    """Measure one or more cases at named thresholds and at prevalences (each above 0 and below 1).

    Intervals are those of the bootstrap over groups (`models.evaluation.bootstrap`): percentiles of the resamples, but
    of the ECE, which noise can only lift, the basic interval. Where a proportion is 0 or 1 a resample cannot vary, so
    its interval is Wilson's over the groups: all of 5 melanomas flagged is no certain sensitivity of 100 %.
    """
    data = arrays(cases)
    named = [*thresholds, ("half", 0.5)]
    draws = resample(data.groups, Weighted(data, [threshold for _, threshold in named], prevalences, BINS))
    *points, half = (
        _at(data, name, threshold, {key: draws[key][:, number] for key in _BY_THRESHOLD}, prevalences)
        for number, (name, threshold) in enumerate(named)
    )
    return Measurement(
        images=len(data.labels),
        malignant=data.malignant,
        groups=data.group_count,
        roc_auc=estimated(metrics.roc_auc(data), draws["roc_auc"]),
        pr_auc=estimated(metrics.pr_auc(data), draws["pr_auc"]),
        calibration=_calibration(data, draws),
        points=tuple(points),
        half=half,
        mean_benign=estimated(metrics.mean_probability(data, 0), draws["mean_benign"]),
        mean_malignant=estimated(metrics.mean_probability(data, 1), draws["mean_malignant"]),
        roc=curves.roc(data),
        pr=curves.pr(data),
    )


_BY_THRESHOLD = (*RATES, "f1", "ppv", "npv", "ppv_at", "npv_at")


def _at(
    data: Arrays, name: str, threshold: float, draws: dict[str, Draws], prevalences: Sequence[float]
) -> AtThreshold:
    counted = metrics.confusion(data, threshold)
    unflagged = data.probabilities < threshold
    groups = {label: len(np.unique(data.groups[data.labels == label])) for label in (0, 1)}
    sensitivity = rated(counted.sensitivity, draws["sensitivity"], groups[1])
    specificity = rated(counted.specificity, draws["specificity"], groups[0])
    prevalence = data.malignant / len(data.labels)
    flagged_groups = len(np.unique(data.groups[~unflagged]))
    at_observed = Predictive(
        prevalence,
        True,
        rated(counted.ppv, draws["ppv"], flagged_groups),
        rated(counted.npv, draws["npv"], len(np.unique(data.groups[unflagged]))),
    )
    at_given = tuple(
        _predictive(value, sensitivity, specificity, draws["ppv_at"][:, number], draws["npv_at"][:, number])
        for number, value in enumerate(prevalences)
    )
    return AtThreshold(
        name=name,
        threshold=threshold,
        confusion=counted,
        of_malignant=outcomes(data, threshold, 1),
        of_benign=outcomes(data, threshold, 0),
        sensitivity=sensitivity,
        specificity=specificity,
        accuracy=rated(metrics.accuracy(data, threshold), draws["accuracy"], data.group_count),
        f1=estimated(metrics.f1(data, threshold), draws["f1"]),
        flagged=rated(counted.flagged / counted.images, draws["flagged"], data.group_count),
        predictive=(*at_given, at_observed),
    )


def _predictive(prevalence: float, sensitivity: Estimate, specificity: Estimate, ppv: Draws, npv: Draws) -> Predictive:
    """Where no resample could vary, the interval follows from the ends of those of sensitivity and specificity."""
    if sensitivity.value is None or specificity.value is None:
        return Predictive(prevalence, False, Estimate(None), Estimate(None))
    rates = sensitivity.value, specificity.value
    certain = {0.0, 1.0} & set(rates)
    estimates = []
    for formula, draws in ((positive_predictive_value, ppv), (negative_predictive_value, npv)):
        value = _formula(formula, *rates, prevalence)
        interval = percentile_interval(draws)
        if certain and sensitivity.interval and specificity.interval:
            # both formulas rise with both rates
            interval = _ends(formula, sensitivity.interval, specificity.interval, prevalence)
        estimates.append(Estimate(value, None if value is None else interval))
    return Predictive(prevalence, False, *estimates)


def _formula(formula: Any, sensitivity: float, specificity: float, prevalence: float) -> float | None:
    try:
        return float(formula(sensitivity, specificity, prevalence))
    except ZeroDivisionError:  # nothing is flagged, or everything
        return None


def _ends(formula: Any, sensitivity: Interval, specificity: Interval, prevalence: float) -> Interval | None:
    low, high = (_formula(formula, sensitivity[end], specificity[end], prevalence) for end in (0, 1))
    return None if low is None or high is None else (low, high)


def _calibration(data: Arrays, draws: dict[str, Draws]) -> Calibration:
    numbers = bin_numbers(data.probabilities)
    bins = []
    for number in range(BINS):
        inside = numbers == number
        images = int(inside.sum())
        share = metrics.share(int(data.labels[inside].sum()), images)
        groups = len(np.unique(data.groups[inside]))
        bins.append(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                images=images,
                mean_probability=float(data.probabilities[inside].mean()) if images else None,
                malignant_share=rated(share, draws["bin_share"][:, number], groups),
            )
        )
    ece = expected_calibration_error(data.labels, data.probabilities)
    return Calibration(
        ece=Estimate(ece, basic_interval(ece, draws["ece"])),
        brier=estimated(metrics.brier(data), draws["brier"]),
        bins=tuple(bins),
        probabilities=data.probabilities,
    )
