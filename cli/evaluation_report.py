"""An evaluation as one page that needs nothing else, for a clinician to read and to print."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from cli import evaluation_pictures as pictures
from cli.evaluation_result import Result
from cli.figures import as_given, decimals, percent, percent_of
from cli.pages import page_environment
from models.evaluation.bootstrap import RESAMPLES, SEED
from models.evaluation.calibration import BINS
from models.evaluation.measurement import AtThreshold, Predictive
from models.rounding import text
from storage.report import NOTICE

LISTED = 500  # images that were not scored, on the page; the JSON holds all
OF_LESIONS = 1_000  # people understand counts of so many better than percentages


@dataclass(frozen=True)
class Natural:
    """What to expect of 1,000 lesions at a prevalence: whole numbers, rounded so that they add up."""

    at: Predictive
    malignant: int
    found: int
    alarms: int

    @property
    def missed(self) -> int:
        return self.malignant - self.found

    @property
    def flagged(self) -> int:
        return self.found + self.alarms


def natural(judged: AtThreshold) -> list[Natural]:
    """One line for each prevalence; none where sensitivity or specificity is not defined."""
    sensitivity, specificity = judged.sensitivity.value, judged.specificity.value
    if sensitivity is None or specificity is None:
        return []
    lines = []
    for at in judged.predictive:
        malignant = round(OF_LESIONS * at.prevalence)
        lines.append(
            Natural(
                at=at,
                malignant=malignant,
                found=round(malignant * sensitivity),
                alarms=round((OF_LESIONS - malignant) * (1 - specificity)),
            )
        )
    return lines


def _unbroken(percents: str) -> str:
    """A share as percent whose sign never stands alone on a line."""
    return percents.replace(" ", "\N{NO-BREAK SPACE}")


def page(result: Result) -> str:
    """The whole page."""
    environment = page_environment()
    environment.filters |= {
        "decimals": decimals,
        "percent": percent,
        "percent_of": lambda share: _unbroken(percent_of(share)),
        "as_given": lambda share: _unbroken(as_given(share)),
        "six": text,
    }
    evaluation = result.evaluation
    counted = evaluation.headline
    judged = result.judged(counted)
    return environment.get_template("evaluation.html").render(
        notice=NOTICE,
        made=f"{result.made:%Y-%m-%d %H:%M} UTC",
        result=result,
        name=PurePath(result.name).name or result.name,
        manifest=result.version.manifest,
        evaluation=evaluation,
        counted=counted,
        judged=judged,
        points=sorted(counted.points, key=lambda point: point.threshold),
        natural=natural(judged),
        of_lesions=OF_LESIONS,
        pictures={
            "roc": pictures.roc(counted, judged),
            "pr": pictures.pr(counted, judged),
            "reliability": pictures.reliability(counted),
            "confusion": pictures.confusion(judged),
        },
        used_for=evaluation.used_for,
        unscored=result.unscored[:LISTED],
        unscored_more=max(0, len(result.unscored) - LISTED),
        method={"resamples": RESAMPLES, "seed": SEED, "bins": BINS},
    )
