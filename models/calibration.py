"""Calibration: probabilities that mean what they say, fitted on a part of the data that nothing else was fitted on.

Temperature scaling divides the network's log-odds by one number. The order of the images, and with it every
ROC curve, stays as it was. Source: C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017.

With several classes the logits of the softmax are divided by one number, as in that paper. The most probable class of
an image stays the same, but the sum over several classes may change its rank among the images: thresholds are chosen,
and curves drawn, on what comes out.

Isotonic regression draws the rising steps that lie nearest to the labels and takes any shape, but needs more images,
and images within a step become ties. Sources: M. Ayer et al., An Empirical Distribution Function for Sampling with
Incomplete Information, Ann. Math. Statist. 26 (1955), the pool-adjacent-violators algorithm; B. Zadrozny and C. Elkan,
Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002, its use for calibration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelInvalid
from models.rounding import DECIMALS, text

NONE, TEMPERATURE, ISOTONIC = "none", "temperature", "isotonic"
FITTED = (TEMPERATURE, ISOTONIC)
Knots = tuple[tuple[float, float], ...]
# the log-odds of a probability that was rounded to 0 or 1 would be infinite
SMALLEST = 1e-7
COLDEST, HOTTEST = 0.05, 20.0
STEPS = 60  # of the golden section; each narrows the interval to 62 %


@dataclass(frozen=True)
class Calibration:
    """How the network's probability becomes the one that is stored. ``temperature`` above 1 makes it less sure.

    ``knots``: pairs (what the network says, what is stored), 0..1, the first rising and the second never falling; a
    line is drawn from each to the next.
    """

    method: str = NONE
    temperature: float = 1.0
    knots: Knots = ()

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """probabilities: any shape, 0..1. Returns the same shape, 0..1."""
        if self.method == NONE:
            return probabilities
        if self.method == ISOTONIC:
            said, stored = np.array(self.knots).T
            result: NDArray[np.float64] = np.interp(probabilities, said, stored)
            return result
        return _sigmoid(_log_odds(probabilities) / self.temperature)

    def apply_to_classes(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """probabilities: (n, classes), a softmax. Returns the same shape; each row sums to 1."""
        if self.method == NONE:
            # the softmax of float32 sums to 1 within 1e-7 only
            normed: NDArray[np.float64] = probabilities / probabilities.sum(axis=1, keepdims=True)
            return normed
        return _softmax(_logits(probabilities) / self.temperature)

    def as_json(self) -> dict[str, Any]:
        if self.method == ISOTONIC:
            return {"method": self.method, "knots": [[text(said), text(stored)] for said, stored in self.knots]}
        return {"method": self.method} | ({"temperature": self.temperature} if self.method != NONE else {})


UNCALIBRATED = Calibration()


def parse_calibration(raw: object) -> Calibration:
    """Read the manifest's ``calibration``. Raises ModelInvalid."""
    if not isinstance(raw, dict) or raw.get("method") not in (NONE, *FITTED):
        raise ModelInvalid(
            f"manifest.json: calibration: expected a method {NONE}, {TEMPERATURE} or {ISOTONIC}, received {raw!r}"
        )
    if raw["method"] == NONE:
        return UNCALIBRATED
    if raw["method"] == ISOTONIC:
        return Calibration(ISOTONIC, knots=_parse_knots(raw.get("knots")))
    temperature = raw.get("temperature")
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < np.inf:
        raise ModelInvalid(
            f"manifest.json: calibration.temperature: expected a number above 0, received {temperature!r}"
        )
    return Calibration(TEMPERATURE, float(temperature))


def _parse_knots(raw: object) -> Knots:
    """Knots of the manifest: decimal text, so that no other JSON writer gives them other digits."""
    try:
        if not isinstance(raw, list) or not all(isinstance(part, str) for pair in raw for part in pair):
            raise ValueError("no list of pairs of decimal texts")
        knots = tuple((float(said), float(stored)) for said, stored in raw)
        both = np.array(knots).reshape(-1, 2)
        steps = np.diff(both, axis=0)
        if len(both) < 1 or not ((both >= 0) & (both <= 1)).all():
            raise ValueError("not one or more pairs within 0..1")
        if not ((steps[:, 0] > 0).all() and (steps[:, 1] >= 0).all()):
            raise ValueError("the first must rise, the second must not fall")
    except (TypeError, ValueError) as error:
        raise ModelInvalid(
            'manifest.json: calibration.knots: expected rising pairs such as ["0.100000", "0.050000"], '
            f"received {raw!r} ({error})"
        ) from error
    return knots


def fit(method: str, labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Calibration:
    """The calibration of a method: none, temperature or isotonic. Arguments as for `fit_temperature`."""
    if method == ISOTONIC:
        return fit_isotonic(labels, probabilities)
    return fit_temperature(labels, probabilities) if method == TEMPERATURE else UNCALIBRATED


def fit_isotonic(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Calibration:
    """The rising steps with the least squared error, by pooling adjacent violators; arguments as `fit_temperature`.

    No stored probability is nearer to 0 or 1 than 1 / (n + 2): n images without an exception do not make a certainty
    (Laplace's rule of succession).
    """
    said, place = np.unique(np.round(probabilities, DECIMALS), return_inverse=True)
    images, malignant = np.bincount(place), np.bincount(place, labels)
    blocks: list[tuple[int, float, float, float]] = []  # first place, last said, images, malignant
    for number, value in enumerate(said):
        first, count, hits = number, float(images[number]), float(malignant[number])
        while blocks and blocks[-1][3] * count >= hits * blocks[-1][2]:  # the share before is not lower: pool
            first, _, more, more_hits = blocks.pop()
            count, hits = count + more, hits + more_hits
        blocks.append((first, float(value), count, hits))
    least = 1 / (len(labels) + 2)
    knots: list[tuple[float, float]] = []
    for first, last, count, hits in blocks:
        share = round(min(max(hits / count, least), 1 - least), DECIMALS)
        knots += [(float(value), share) for value in dict.fromkeys((said[first], last))]
    return Calibration(ISOTONIC, knots=tuple(knots))


def fit_temperature(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Calibration:
    """The temperature with the least negative log-likelihood, found by golden section on its logarithm.

    labels: (n,) 0/1; probabilities: (n,) 0..1, of images that neither weights nor epochs were chosen on.
    """
    odds = _log_odds(probabilities)

    def loss(log_temperature: float) -> float:
        scaled = odds / np.exp(log_temperature)
        # log(1 + e^x) without overflow, minus x for the malignant
        return float(np.mean(np.logaddexp(0.0, scaled) - labels * scaled))

    return _with_least(loss)


def fit_class_temperature(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> Calibration:
    """The same for several classes: the least negative log-likelihood of the true class.

    labels: (n,), numbers of the classes; probabilities: (n, classes), a softmax.
    """
    logits = _logits(probabilities)
    true = logits[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        heat = np.exp(log_temperature)
        return float(np.mean(np.logaddexp.reduce(logits / heat, axis=1) - true / heat))

    return _with_least(loss)


def _with_least(loss: Callable[[float], float]) -> Calibration:
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    low, high = float(np.log(COLDEST)), float(np.log(HOTTEST))
    for _ in range(STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return Calibration(TEMPERATURE, round(float(np.exp((low + high) / 2.0)), 6))


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probabilities, SMALLEST, 1.0 - SMALLEST)
    odds: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return odds


def _sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    probabilities: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * odds))
    return probabilities


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a softmax, up to a number for each row that no softmax sees."""
    logits: NDArray[np.float64] = np.log(np.clip(probabilities, SMALLEST, 1.0))
    return logits


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return probabilities
