"""Does a cue that has nothing to do with the lesion tell the classes apart by itself?

Two measures of each cue and class, against all other classes together:

- ROC-AUC: 0.5 says nothing, 0 or 1 everything.
- the share of the class whose cue lies beyond 99 % of the others. A cue of few pictures escapes the ROC-AUC: dark
  corners in 24 % of one class and none of the other give only 0.62, yet each such picture gives its label away.

A warning is given where even the nearer end of the 95 % interval is beyond the limit, so that chance in a small folder
is not taken for a shortcut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.intervals import wilson
from models.training.cues import CUES, DARK_CORNERS

AUC_LIMIT = 0.65
"""A class is warned of above it, or below 1 - `AUC_LIMIT`."""

SHARE_LIMIT = 0.05
"""A class is warned of when its share of giveaway pictures is that much above the share in the others."""

MOST_OF_THE_OTHERS = 0.99
MIN_IMAGES = 10
"""Images of a class and of the others on which a cue was measured; with fewer nothing is said."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Shortcut:
    """How far one cue tells one class from the others."""

    cue: str
    label: str
    roc_auc: float  # 0..1; above 0.5: the cue is higher in this class
    interval: tuple[float, float]  # 95 %
    direction: str  # "high" or "low": at which end the giveaway pictures lie; "yes" of a cue that is 0 or 1
    share: float  # of this class, 0..1, beyond 99 % of the others; of a cue that is 0 or 1, the share that has it
    share_others: float  # the same share of the others
    warned: bool


def shortcuts(cues: Values, labels: Sequence[str]) -> list[Shortcut]:
    """Every cue for every class; of two classes only for that in which more giveaway pictures lie.

    Args:
        cues: (n, len(CUES)), nan where a cue could not be measured.
        labels: n names of classes. With fewer than two there is nothing to tell apart and nothing is returned.
    """
    names = sorted(set(labels))
    given = np.asarray(labels)
    found = []
    for column, cue in enumerate(CUES):
        measured = ~np.isnan(cues[:, column])
        values, of = cues[measured, column], given[measured]
        each = [_shortcut(cue, name, values[of == name], values[of != name]) for name in names if len(names) > 1]
        known = [shortcut for shortcut in each if shortcut]
        if len(names) == 2 and known:
            known = [
                max(reversed(known), key=lambda shortcut: (shortcut.warned, shortcut.share - shortcut.share_others))
            ]
        found += known
    return found


def roc_auc(one: Values, others: Values) -> float:
    """Probability that a value of ``one`` is above one of ``others``, ties counting half (Mann-Whitney U)."""
    ranked = np.sort(others)
    below = np.searchsorted(ranked, one, "left")
    not_above = np.searchsorted(ranked, one, "right")
    return float((below + not_above).sum() / (2 * len(one) * len(others)))


def auc_interval(auc: float, count: int, count_others: int) -> tuple[float, float]:
    """95 % interval of a ROC-AUC (Hanley and McNeil, Radiology 143 (1982)), each bound 0..1."""
    two_of_one, two_of_others = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (count - 1) * (two_of_one - auc**2) + (count_others - 1) * (two_of_others - auc**2)
    spread = 1.96 * float(np.sqrt(max(variance, 0) / (count * count_others)))
    return max(0.0, auc - spread), min(1.0, auc + spread)


def _shortcut(cue: str, label: str, one: Values, others: Values) -> Shortcut | None:
    if min(len(one), len(others)) < MIN_IMAGES:
        return None
    auc = roc_auc(one, others)
    interval = auc_interval(auc, len(one), len(others))
    direction, mine, theirs = _giveaway(one, others, yes_no=cue == DARK_CORNERS)
    surely_more = wilson(mine, len(one))[0] - wilson(theirs, len(others))[1] > SHARE_LIMIT
    beyond = interval[0] > AUC_LIMIT or interval[1] < 1 - AUC_LIMIT
    return Shortcut(
        cue, label, auc, interval, direction, mine / len(one), theirs / len(others), bool(surely_more or beyond)
    )


def _giveaway(one: Values, others: Values, *, yes_no: bool) -> tuple[str, int, int]:
    """At which end more of ``one`` lies beyond 99 % of ``others``, and how many of each lie there."""
    if yes_no:
        return "yes", int(one.sum()), int(others.sum())
    high = np.quantile(others, MOST_OF_THE_OTHERS, method="higher")
    low = np.quantile(others, 1 - MOST_OF_THE_OTHERS, method="lower")
    ends = {
        "high": (int((one > high).sum()), int((others > high).sum())),
        "low": (int((one < low).sum()), int((others < low).sum())),
    }
    direction = max(ends, key=lambda end: ends[end][0])
    return direction, *ends[direction]
