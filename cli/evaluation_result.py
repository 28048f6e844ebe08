"""What `screen model evaluate` found, for programs (JSON) and for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.evaluation_images import Image
from cli.figures import as_given, decimals, percent, percent_of, plural
from models.evaluation.bootstrap import METHOD, RESAMPLES, SEED
from models.evaluation.calibration import BINS
from models.evaluation.class_measurement import ClassMeasurement
from models.evaluation.evaluation import Evaluation, warnings
from models.evaluation.measurement import AtThreshold, Measurement
from models.training.split import LABELS
from models.version import ModelVersion
from storage.report import NOTICE
from storage.states import ImageState

_UNSCORED = (ImageState.REJECTED, ImageState.FAILED)


@dataclass(frozen=True)
class Result:
    """An evaluation and all that a reader needs to judge it.

    ``images`` as handed in, with their labels (0 benign, 1 malignant, None not known) in ``labels``, and with the true
    one of several classes ("" not known) in ``class_names``; ``malignant``: the names among them, other than those of
    the model version, that were said to count as malignant; ``policy``: the name of the operating point that judges,
    one of the measured ones; ``erased``: images that the batch had besides, of which nothing can be said any more.
    """

    source: str  # "folder" or "batch"
    name: str
    version: ModelVersion
    policy: str
    groups_from: str
    subgroup: str | None
    images: Sequence[Image]
    labels: Sequence[int | None]
    evaluation: Evaluation
    made: datetime
    class_names: Sequence[str] = ()
    malignant: Sequence[str] = ()
    ring: float | None = None
    erased: int = 0

    @property
    def labelled(self) -> dict[str, dict[str, int]]:
        """What the images that count are labelled as, and how many, by what it counts as."""
        found: dict[str, dict[str, int]] = {word: {} for word in reversed(LABELS)}
        for image, label, name in zip(self.images, self.labels, self._named, strict=True):
            if image.state == ImageState.SCREENED and label is not None:
                of_label = found[LABELS[label]]
                of_label[name or LABELS[label]] = of_label.get(name or LABELS[label], 0) + 1
        return {word: dict(sorted(names.items())) for word, names in found.items()}

    @property
    def counted_as(self) -> str:
        """The same as a sentence."""
        said = [
            f"{', '.join(f'{name} ({number})' for name, number in names.items()) or 'none'} as {word}"
            for word, names in self.labelled.items()
        ]
        return "; ".join(said)

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(image.state for image in self.images)
        states = (ImageState.SCREENED, ImageState.DUPLICATE, ImageState.REJECTED, ImageState.FAILED)
        return {"received": len(self.images), **{str(state): counted[state] for state in states}}

    @property
    def equation(self) -> str:
        counts = self.counts
        return (
            f"{counts['received']} received = {counts['screened']} screened + {counts['duplicate']} duplicate "
            f"+ {counts['rejected']} rejected + {counts['failed']} failed"
        )

    @property
    def unscored(self) -> list[dict[str, str | None]]:
        """The images that were rejected or failed, each with its reason and its label, where that is known."""
        return [
            {
                "image": image.target.image,
                "outcome": str(image.state),
                "reason": image.reason,
                "label": name or (None if label is None else LABELS[label]),
            }
            for image, label, name in zip(self.images, self.labels, self._named, strict=True)
            if image.state in _UNSCORED
        ]

    @property
    def _named(self) -> Sequence[str]:
        return self.class_names or [""] * len(self.images)

    @property
    def warnings(self) -> list[str]:
        said = warnings(self.evaluation, self.version.name)
        if self.ring:
            said.append(
                f"A dark ring of radius {self.ring:g} was drawn on every image: these numbers are for finding "
                "shortcuts, not for the images as they are."
            )
        if self.erased:
            said.append(f"{plural(self.erased, 'image')} of the batch, erased since: no number here counts them.")
        if missing := self.unscored:
            malignant = sum(
                label == 1 and image.state in _UNSCORED for image, label in zip(self.images, self.labels, strict=True)
            )
            said.append(
                f"{plural(len(missing), 'image')} could not be scored, {malignant} of them known as malignant: "
                "no number here counts them."
            )
        judged = self.judged(self.evaluation.headline)
        if judged.review:
            of = judged.of_malignant
            counted = f"; {of.review_above} of these malignant ones thus count as flagged, which screening never does"
            said.append(
                f"At {judged.name}, screening sends {plural(judged.review, 'image')} to review, {of.review} of them "
                f"malignant: a person looks at them. Here their probability counts{counted if of.review_above else ''}."
            )
        return said

    def judged(self, measurement: Measurement) -> AtThreshold:
        """What the judging operating point does on a set of images."""
        return next(point for point in measurement.points if point.name == self.policy)

    def as_json(self) -> dict[str, Any]:
        manifest = self.version.manifest
        return {
            "notice": NOTICE,
            "made": self.made.isoformat(timespec="seconds"),
            "source": {"kind": self.source, "name": self.name, **self.counts, "erased": self.erased},
            "model": {
                "name": manifest.name,
                "weights_sha256": manifest.weights_sha256,
                "preprocessing": manifest.preprocessing,
                **manifest.classes.as_json(),
            },
            "operating_point": self.policy,
            "ring": self.ring,
            "method": {
                "interval": METHOD,
                "resamples": RESAMPLES,
                "seed": SEED,
                "groups_from": self.groups_from,
                "calibration_bins": BINS,
            },
            "warnings": self.warnings,
            **self.evaluation.as_json(),
            "labelled": self.labelled,
            "subgroup_column": self.subgroup,
            "unscored": self.unscored,
        }

    def lines(self) -> list[str]:
        """For a terminal: the set that counts, and the other one beside it."""
        evaluation = self.evaluation
        found = [f"model            {self.version.name}", f"images           {self.equation}"]
        if self.malignant:
            found.append(f"labels           {self.counted_as}")
        if evaluation.held_back:
            found += _measured("held-back images", evaluation.held_back, self.judged(evaluation.held_back))
            found += _measured(
                "all images, also those it was made with", evaluation.everything, self.judged(evaluation.everything)
            )
        else:
            found += _measured("all images", evaluation.everything, self.judged(evaluation.everything))
        for name, item in evaluation.subgroups.items():
            found += _measured(f"{self.subgroup} = {name}", item, self.judged(item), short=True)
        return found + (class_lines(evaluation.by_class) if evaluation.by_class else [])


def _measured(title: str, item: Measurement, judged: AtThreshold, *, short: bool = False) -> list[str]:
    lines = [
        f"{title}: {item.images} ({item.malignant} malignant, {item.benign} benign; {item.groups} groups)",
        f"  ROC-AUC        {decimals(item.roc_auc)}",
        f"  sensitivity    {percent(judged.sensitivity)}  at {judged.name}, threshold {judged.threshold:.6f}",
        f"  specificity    {percent(judged.specificity)}",
    ]
    if short:
        return lines
    lines[2:2] = [
        f"  PR-AUC         {decimals(item.pr_auc)}",
        f"  ECE            {decimals(item.calibration.ece)}; if exact {decimals(item.calibration.ece_if_calibrated)}",
        f"  Brier score    {decimals(item.calibration.brier)}",
        f"  at 0.5         accuracy {percent(item.half.accuracy)}, F1 {decimals(item.half.f1)}",
        f"  mean probability: malignant {decimals(item.mean_malignant)}, benign {decimals(item.mean_benign)}",
    ]
    lines += [
        f"  accuracy       {percent(judged.accuracy)}  at {judged.name}",
        f"  F1             {decimals(judged.f1)}",
    ]
    lines += [
        f"  prevalence {percent_of(at.prevalence) + ' (as observed)' if at.observed else as_given(at.prevalence)}: "
        f"PPV {percent(at.ppv)}, NPV {percent(at.npv)}"
        for at in judged.predictive
    ]
    counted = judged.confusion
    lines.append(
        f"  malignant: {counted.hits} flagged, {counted.misses} not; benign: {counted.alarms} flagged, "
        f"{counted.spared} not"
    )
    lines += [
        f"  in screening, {word}: {of.flagged} flagged, {of.clear} clear, {of.review} for review"
        for word, of in (("malignant", judged.of_malignant), ("benign", judged.of_benign))
    ]
    lines += [
        f"  {point.name}: threshold {point.threshold:.6f}, sensitivity {percent(point.sensitivity)}, "
        f"specificity {percent(point.specificity)}"
        for point in item.points
        if point is not judged
    ]
    return lines


def class_lines(item: ClassMeasurement) -> list[str]:
    """Each class, and a line of the confusion matrix for it."""
    names = item.classes.names
    wide = max(map(len, names))
    lines = [
        f"classes: {item.images} images whose class is known",
        f"  accuracy       {percent(item.accuracy)}  of the most probable class",
        f"  mean over the classes {percent(item.balanced_accuracy)}",
    ]
    lines += [
        f"  {row.name:<{wide}}  {plural(row.images, 'image')}, most probable class in {percent(row.sensitivity)}, "
        f"ROC-AUC against the others {decimals(row.roc_auc)}{', counts as malignant' if row.malignant else ''}"
        for row in item.rows
    ]
    for name, counted in zip(names, item.confusion, strict=True):
        said = ", ".join(f"{number} {other}" for other, number in zip(names, counted, strict=True) if number)
        lines.append(f"  truly {name:<{wide}}  most probable: {said or 'none'}")
    return lines
