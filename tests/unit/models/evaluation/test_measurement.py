"""A measurement: what each number is, and what small sets of images cannot tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from models.evaluation.cases import Case
from models.evaluation.measurement import Measurement, measure
from models.evaluation.outcomes import Outcomes
from models.evaluation.predictive import negative_predictive_value, positive_predictive_value
from models.intervals import wilson

POINTS = [("low", 0.3), ("high", 0.7)]


@pytest.fixture
def measured(drawn: Callable[..., list[Case]]) -> Measurement:
    return measure(drawn(400), POINTS, [0.02, 0.05])


def test_ppv_and_npv_at_a_prevalence() -> None:
    # Hidri's operating point: 86 % of the flagged are malignant in the data, 31 % and 11 % in a clinic
    assert positive_predictive_value(0.9, 0.8, 0.5) == pytest.approx(0.45 / 0.55)
    assert positive_predictive_value(0.9, 0.8, 0.1) == pytest.approx(0.09 / (0.09 + 0.18))
    assert negative_predictive_value(0.9, 0.8, 0.1) == pytest.approx(0.72 / (0.72 + 0.01))


def test_every_number_lies_in_its_interval(measured: Measurement) -> None:
    assert (measured.images, measured.groups) == (400, 400)
    assert measured.malignant + measured.benign == 400
    estimates = [measured.roc_auc, measured.pr_auc, measured.calibration.brier, measured.calibration.ece]
    for point in measured.points:
        estimates += [point.sensitivity, point.specificity, point.accuracy, point.f1, point.flagged]
        estimates += [value for at in point.predictive for value in (at.ppv, at.npv)]
    for estimate in estimates:
        assert estimate.value is not None and estimate.interval is not None
        low, high = estimate.interval
        assert 0 <= low < estimate.value < high <= 1


def test_operating_points(measured: Measurement) -> None:
    low, high = measured.points
    assert (low.name, low.threshold, high.name) == ("low", 0.3, "high")
    assert low.confusion.images == high.confusion.images == 400
    assert (low.sensitivity.value or 0) > (high.sensitivity.value or 0)
    assert (low.specificity.value or 0) < (high.specificity.value or 0)
    assert [(at.prevalence, at.observed) for at in low.predictive] == [
        (0.02, False), (0.05, False), (measured.malignant / 400, True),
    ]  # fmt: skip
    observed = low.predictive[-1]
    assert observed.ppv.value == pytest.approx(
        positive_predictive_value(low.sensitivity.value, low.specificity.value, observed.prevalence)
    )
    assert observed.ppv.value == pytest.approx(low.confusion.hits / low.confusion.flagged)


def test_the_same_twice_and_in_any_order(drawn: Callable[..., list[Case]], measured: Measurement) -> None:
    assert measure(drawn(400)[::-1], POINTS, [0.02, 0.05]) == measured


def test_no_miss_in_five_is_no_certainty() -> None:
    cases = [Case(1, 0.9, f"m{n}") for n in range(5)] + [Case(0, 0.1, f"b{n}") for n in range(50)]
    found = measure(cases, [("t", 0.5)], [0.05])
    (point,) = found.points
    assert (point.sensitivity.value, point.sensitivity.interval) == (1, wilson(5, 5))
    assert (point.specificity.value, point.specificity.interval) == (1, wilson(50, 50))
    ppv = point.predictive[0].ppv
    assert ppv.value == 1 and ppv.interval is not None
    assert ppv.interval[0] == pytest.approx(positive_predictive_value(wilson(5, 5)[0], wilson(50, 50)[0], 0.05))
    assert (found.roc_auc.value, found.roc_auc.interval) == (1, None)


def test_copies_count_as_one_where_nothing_varies() -> None:
    cases = [Case(1, 0.9, "one patient")] * 30 + [Case(0, 0.1, f"b{n}") for n in range(50)]
    (point,) = measure(cases, [("t", 0.5)], [0.05]).points
    assert point.sensitivity.interval == wilson(1, 1)


def test_one_class_alone() -> None:
    found = measure([Case(0, n / 20, f"g{n}") for n in range(20)], [("t", 0.5)], [0.05])
    (point,) = found.points
    assert (found.roc_auc.value, found.pr_auc.value, point.sensitivity.value) == (None, None, None)
    assert point.predictive[0].ppv.value is None
    assert point.specificity.value == 0.5
    assert found.roc == found.pr == ()


def test_nothing_flagged_defines_no_ppv() -> None:
    cases = [Case(n % 2, n / 50, f"g{n}") for n in range(40)]
    (point,) = measure(cases, [("t", 1.0)], [0.05]).points
    assert point.confusion.flagged == 0
    assert [at.ppv.value for at in point.predictive] == [None, None]
    assert point.predictive[0].npv.value == pytest.approx(0.95)


def test_review_is_that_of_screening_and_counts_by_its_probability(five: list[Case]) -> None:
    reasons = {
        0.9: "unlike the pictures that the network learned from: distance 9.00",
        0.8: "no lesion: the skin is even",
        0.5: "blurred: sharpness 5.00, expected at least 6.00",
        0.4: "a part is missing: 20% of the picture are one even surface",
    }
    cases = [replace(case, reason=reasons.get(case.probability, "")) for case in five]
    low, high = measure(cases, [("low", 0.45), ("high", 0.7)], [0.05]).points
    # the blurred one is flagged where its probability says so
    assert (low.of_malignant, low.of_benign) == (Outcomes(1, 0, 1, 1), Outcomes(0, 1, 2, 1))
    assert (high.of_malignant, high.of_benign) == (Outcomes(0, 0, 2, 1), Outcomes(0, 1, 2, 1))
    plain = measure(five, [("low", 0.45), ("high", 0.7)], [0.05]).points
    assert [point.confusion for point in (low, high)] == [point.confusion for point in plain]
    shown = low.as_json()
    assert (shown["review"], shown["review_malignant"]) == (3, 1)
    assert shown["outcomes"]["benign"] == {"flagged": 0, "clear": 1, "review": 2, "review_above": 1}


@pytest.mark.parametrize("reason", ["", "blurred: 1", "a part is missing: 9%", "almost all black: 92%", "unlike: 9"])
@pytest.mark.parametrize("probability", [0.0, 0.499999, 0.5, 1.0])
def test_the_outcomes_are_those_that_screening_decides(reason: str, probability: float) -> None:
    from storage.decisions import Scored, decide

    (point,) = measure([Case(1, probability, "g", reason=reason)], [("t", 0.5)], []).points
    decided = decide(Scored(0, probability, reason or None), 0.5)
    assert {name: getattr(point.of_malignant, name) for name in ("flagged", "clear", "review")} == {
        name: int(name == decided) for name in ("flagged", "clear", "review")
    }


def test_curves_end_where_they_must(measured: Measurement) -> None:
    assert (measured.roc[0], measured.roc[-1]) == ((0, 0), (1, 1))
    assert measured.pr[-1] == (0, 1)
    assert measured.pr[0][0] == 1
    assert max(len(measured.roc), len(measured.pr)) <= 400


def test_json_can_be_read_by_programs(measured: Measurement) -> None:
    text = json.dumps(measured.as_json(), allow_nan=False)
    read = json.loads(text)
    assert read["operating_points"]["low"]["sensitivity"]["value"] == round(
        measured.points[0].sensitivity.value or 0, 6
    )
    assert sum(read["operating_points"]["high"]["confusion"].values()) == 400
    assert len(read["calibration"]["bins"]) == 15
    assert read["accuracy_at_0.5"] == measured.half.accuracy.as_json()
    assert read["mean_probability"]["benign"] == measured.mean_benign.as_json()


def test_what_networks_without_a_threshold_in_common_are_compared_by(drawn: Callable[..., list[Case]]) -> None:
    cases = drawn(100)
    found = measure(cases, [("high", 0.7)], [])
    (other,) = measure(cases, [("other name", 0.5)], []).points
    assert [point.name for point in found.points] == ["high"]
    assert (found.half.accuracy, found.half.f1) == (other.accuracy, other.f1)
    for label, said in enumerate((found.mean_benign, found.mean_malignant)):
        of_label = [case.probability for case in cases if case.label == label]
        assert said.value == pytest.approx(sum(of_label) / len(of_label))
        assert said.interval and said.interval[0] <= said.value <= said.interval[1]
    assert measure([case for case in cases if case.label], [], []).mean_benign.value is None
