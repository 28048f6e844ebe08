"""The model card: what a model version is, what it was made from, how it was measured, and what is not known.

Everything in it comes from manifests and from what the projects behind the references published; it holds neither a
date nor a path, so that the same versions always give the same card.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, UndefinedError

from cli.training_command import training_command
from models.catalogue import DEFAULT_MODEL, SHIPPED
from models.errors import ModelInvalid
from models.evaluation.predictive import PREVALENCES, negative_predictive_value, positive_predictive_value
from models.manifest import Manifest, OperatingPoint, parse
from models.preprocessing import LIMITS
from models.ring import RADIUS
from models.training.published import comparable
from models.version import ModelVersion, open_version
from storage.report import NOTICE

METRICS = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy_at_0.5": "accuracy at 0.5",
    "f1_at_0.5": "F1 at 0.5",
    "ece": "calibration error (ECE, 15 bins)",
    "brier": "Brier score",
}
PUBLISHED_AS = {"accuracy": "accuracy_at_0.5", "f1": "f1_at_0.5"}  # the projects' thresholds were others
AT_HOME = "lesions"  # what stands for the reader's folder of images in a command


def shipped() -> list[ModelVersion]:
    """The versions of this release, the default one first."""
    found = [open_version(file.parent) for file in SHIPPED.glob("*/manifest.json")]
    return sorted(found, key=lambda version: (version.name != DEFAULT_MODEL, version.name))


def facts(versions: Sequence[ModelVersion]) -> dict[str, Any]:
    """The card as one JSON object. ``same_test_part``: None where a version was not measured or has no split."""
    splits = [_split(version.manifest) if version.manifest.metrics.get("test") else None for version in versions]
    return {
        "notice": NOTICE,
        "same_test_part": None if None in splits else len(set(splits)) == 1,
        "models": [
            {
                "manifest": version.manifest.raw,
                "predictive_values": {
                    point.name: predictive(point) for point in version.manifest.operating_points.values()
                },
                "published": _published(version.manifest),
            }
            for version in versions
        ],
    }


def markdown(versions: Sequence[ModelVersion], command: str) -> str:
    """The card as Markdown. ``command``: what was typed, which stands in its head.

    Raises ModelInvalid where a manifest, as of another program, has something else in the place of its figures.
    """
    try:
        return _rendered(versions, command)
    except (TypeError, ValueError, LookupError, ArithmeticError, UndefinedError) as error:
        names = ", ".join(version.name for version in versions)
        raise ModelInvalid(
            f"no card can be written of {names}: expected the metrics, data and training of a manifest as `screen "
            f"model train` writes them, received others ({type(error).__name__}: {error})"
        ) from error


def _rendered(versions: Sequence[ModelVersion], command: str) -> str:
    environment = Environment(  # nosec B701
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # noqa: S701 - Markdown; see _harmless
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,  # manifests of other releases hold less
    )
    environment.filters |= {"number": number, "percent": percent, "rate": rate, "score": score, "estimate": estimate}
    manifests = [_harmless(version.manifest) for version in versions]
    return environment.get_template("model_card.md").render(
        notice=NOTICE,
        command=command,
        data_folder=AT_HOME,
        default=DEFAULT_MODEL,
        manifests=manifests,
        same_test_part=facts(versions)["same_test_part"],
        same_malignant=len({frozenset(manifest.classes.malignant) for manifest in manifests}) == 1,
        training_commands={manifest.name: training_command(manifest, AT_HOME) for manifest in manifests},
        metrics=METRICS,
        predictive={manifest.name: _judged(manifest) for manifest in manifests},
        published=[(manifest, _published(manifest)) for manifest in manifests if _published(manifest)],
        published_as=PUBLISHED_AS,
        collections=_collections(manifests),
        limits={manifest.preprocessing: LIMITS.get(manifest.preprocessing, "") for manifest in manifests},
        prevalences=PREVALENCES,
        ring=RADIUS,
    )


def predictive(point: OperatingPoint) -> list[dict[str, Any]]:
    """PPV and NPV (0..1) of an operating point at the prevalences of a clinic, from what the test part measured.

    The range is that of both rates at the lower, then both at the upper end of their intervals: wider than 95 %.
    Empty where the point was not measured on a test part.
    """
    measured = point.expected.get("test")
    if measured is None:
        return []
    low, high = zip(measured["sensitivity_interval"], measured["specificity_interval"], strict=True)
    rates = measured["sensitivity"], measured["specificity"]
    return [
        {
            "prevalence": prevalence,
            **{
                name: {
                    "value": _worth(formula, rates, prevalence),
                    "range": [_worth(formula, low, prevalence), _worth(formula, high, prevalence)],
                }
                for name, formula in (("ppv", positive_predictive_value), ("npv", negative_predictive_value))
            },
        }
        for prevalence in PREVALENCES
    ]


def number(value: Any) -> str:
    """A count as ``11,879``."""
    return f"{value:,}" if isinstance(value, int) else "not said"


def percent(value: float | None) -> str:
    """A share as ``96.7 %``."""
    return "not defined" if value is None else f"{100 * value:.1f} %"


def rate(value: float | None, interval: Sequence[float | None] | None) -> str:
    """A share with its interval, as ``96.7 % (94.8-97.9)``."""
    if value is None or interval is None or None in interval:
        return percent(value)
    return f"{percent(value)} ({'-'.join(f'{100 * bound:.1f}' for bound in interval if bound is not None)})"


def score(metrics: dict[str, Any], name: str) -> str:
    """A metric of a manifest with its interval, as ``0.961 (0.950-0.970)``; says so where it was not measured."""
    value, interval = metrics.get(name), metrics.get("intervals", {}).get(name)
    if value is None:
        return "not measured"
    if name.startswith("accuracy"):
        return rate(value, interval)
    return f"{value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")


def estimate(found: Any, as_score: bool = False) -> str:
    """A number of ``class_metrics`` with its interval: a share as `rate`, a score as `score`."""
    value, interval = (found.get("value"), found.get("interval")) if isinstance(found, dict) else (None, None)
    if value is None:
        return "not measured"
    return score({"it": value, "intervals": {"it": interval}}, "it") if as_score else rate(value, interval)


def _worth(formula: Any, rates: Sequence[float], prevalence: float) -> float | None:
    try:
        return round(float(formula(*rates, prevalence)), 6)
    except ZeroDivisionError:  # nothing is flagged, or everything
        return None


def _judged(manifest: Manifest) -> list[dict[str, Any]]:
    return predictive(manifest.default)


def _published(manifest: Manifest) -> dict[str, Any] | None:
    found = comparable(manifest)
    return None if found is None else asdict(found)


def _split(manifest: Manifest) -> str | None:
    split = manifest.raw.get("split")
    checksum = split.get("sha256") if isinstance(split, dict) else None
    return None if checksum is None else str(checksum)


def _collections(manifests: Sequence[Manifest]) -> list[tuple[list[str], Manifest]]:
    """The versions that were made from the same data and split, each lot once, with one of its manifests."""
    lots: list[tuple[list[str], Manifest]] = []
    for manifest in manifests:
        for names, first in lots:
            if (first.data, _split(first)) == (manifest.data, _split(manifest)):
                names.append(manifest.name)
                break
        else:
            lots.append(([manifest.name], manifest))
    return lots


def _harmless(manifest: Manifest) -> Manifest:
    """The same with every text on one line and with nothing that ends a table's cell or begins an HTML tag."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {clean(key): clean(item) for key, item in value.items()}
        if isinstance(value, list):
            return [clean(item) for item in value]
        return " ".join(value.split()).replace("|", "\\|").replace("<", "&lt;") if isinstance(value, str) else value

    return parse(json.dumps(clean(manifest.raw)))
