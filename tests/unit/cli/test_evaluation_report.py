"""The page of an evaluation: everything escaped, nothing from elsewhere, nothing left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cli import evaluation_pictures as pictures
from cli import evaluation_report
from cli.evaluation_images import Image
from cli.evaluation_report import natural, page
from cli.evaluation_result import Result
from cli.figures import decimals, percent_of
from cli.svg import WIDTH
from models.evaluation.cases import Case
from models.evaluation.evaluation import evaluate
from models.evaluation.matching import Target
from models.manifest import Manifest
from models.version import ModelVersion
from storage.report import NOTICE

EVIL = '<script>alert("1")</script>'
PARTS = ("test", "train")
REASONS = {0: "blurred: sharpness 5.00", 1: "unlike the pictures that the network learned from: distance 9.00"}
POINTS = [("f1", 0.6), ("sensitivity-95", 0.3)]


@pytest.fixture
def cases() -> list[Case]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 240)
    said = np.round(1 / (1 + np.exp(-rng.normal(3 * labels - 1.5, 1.2))), 6)
    return [
        Case(int(label), float(p), f"g{n}", PARTS[n < 40], (EVIL, "south")[n % 2], REASONS.get(n % 50, ""))
        for n, (label, p) in enumerate(zip(labels, said, strict=True))
    ]


def result(cases: list[Case], manifest: Manifest, *, rejected: int = 2) -> Result:
    images = [Image(Target(f"{n}.jpg", f"{n}.jpg", None), "", "screened", "", 0.5) for n in range(len(cases))]
    images += [Image(Target(f"{EVIL}{n}.jpg", "x", None), "", "rejected", f"{EVIL} empty") for n in range(rejected)]
    return Result(
        source="folder",
        name=f"/data/{EVIL}",
        version=ModelVersion(Path("/none"), manifest),
        policy="sensitivity-95",
        groups_from="the split",
        subgroup=EVIL,
        images=images,
        labels=[*(case.label for case in cases), *[1] * rejected],
        evaluation=evaluate(cases, POINTS, [0.02, 0.05], has_split=True),
        made=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )


def test_everything_is_escaped(cases: list[Case], manifest: Manifest) -> None:
    html = page(result(cases, manifest))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_nothing_comes_from_elsewhere(cases: list[Case], manifest: Manifest) -> None:
    html = page(result(cases, manifest))
    assert html.startswith("<!doctype html>") and html.rstrip().endswith("</html>")
    assert "default-src 'none'; style-src 'unsafe-inline'" in html
    for forbidden in ("http:", "https:", "<link", "<img", "<iframe", "url(", "@import", "src=", "href="):
        assert forbidden not in html


def test_what_a_clinician_must_see(cases: list[Case], manifest: Manifest) -> None:
    found = result(cases, manifest)
    html = page(found)
    assert NOTICE in html
    assert re.findall(r"<h2>(.*?)</h2>", html) == [
        "Held-back images, judged at sensitivity-95", "What to expect of 1,000 lesions in a clinic",
        "Held-back images and all images", "Right and wrong", "ROC curve", "PR curve", "Reliability",
        "Outcomes in screening", "Every operating point",
        "By <bdi>" + EVIL.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;") + "</bdi>",
        "Not scored: 2", "How it was measured",
    ]  # fmt: skip
    assert '<p class="warning loud" role="alert">⚠&#xFE0E; 40 of the 240 images are images that' in html
    assert html.count('<svg class="chart"') == 4
    judged = found.judged(found.evaluation.headline)
    assert f"{judged.confusion.hits} of {judged.confusion.malignant}, {judged.confusion.misses} missed" in html
    assert "242 received = 240 screened + 0 duplicate + 2 rejected + 0 failed" in html
    assert html.count("&lt;/script&gt; empty</bdi>") == 2


def test_the_calibration_error_stands_beside_that_of_chance(cases: list[Case], manifest: Manifest) -> None:
    found = result(cases, manifest)
    calibration = found.evaluation.headline.calibration
    shown, chance = decimals(calibration.ece), decimals(calibration.ece_if_calibrated)
    assert f"  ECE            {shown}; if exact {chance}" in found.lines()
    assert f"On so many images exact ones would show {chance}." in page(found)


def test_how_many_malignant_images_go_to_review(cases: list[Case], manifest: Manifest) -> None:
    found = result(cases, manifest)
    of = found.judged(found.evaluation.headline).of_malignant
    review = found.judged(found.evaluation.headline).review
    strange = [case for case in cases if case.part == "test" and case.label and case.reason.startswith("unlike")]
    assert of.review >= len(strange) > 0
    assert of.review_above == sum(case.probability >= 0.3 for case in strange) > 0
    assert f"  in screening, malignant: {of.flagged} flagged, {of.clear} clear, {of.review} for review" in found.lines()
    said = f"At sensitivity-95, screening sends {review} images to review, {of.review} of them malignant"
    assert said in found.warnings[-1]
    assert f"; {of.review_above} of these malignant ones thus count as flagged, which screening" in found.warnings[-1]
    html = page(found)
    numbers = (of.flagged, of.clear, of.review, of.review_above)
    assert f"<tr><td>malignant</td>{''.join(f'<td>{number}</td>' for number in numbers)}</tr>" in html
    assert said in html


def test_a_plain_evaluation_has_no_loud_word(cases: list[Case], manifest: Manifest) -> None:
    held_back = [case for case in cases if case.part == "test"]
    html = page(result(held_back, manifest, rejected=0))
    assert 'class="warning loud"' not in html
    assert "Not scored" not in html
    assert "Held-back images and all images" not in html


def test_one_class_alone_still_makes_a_page(cases: list[Case], manifest: Manifest) -> None:
    html = page(result([case for case in cases if case.label == 0], manifest))
    assert "not defined on these images" in html
    assert "What to expect" not in html


def test_long_lists_are_cut_and_say_so(cases: list[Case], manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation_report, "LISTED", 3)
    html = page(result(cases, manifest, rejected=5))
    assert "Not scored: 5" in html
    assert "2 more are not shown on this page" in html


def test_natural_frequencies_add_up(cases: list[Case], manifest: Manifest) -> None:
    found = result(cases, manifest)
    for line in natural(found.judged(found.evaluation.headline)):
        assert line.found + line.missed == line.malignant == round(1000 * line.at.prevalence)
        assert line.flagged == line.found + line.alarms <= 1000


@pytest.mark.parametrize(
    ("share", "shown"), [(0.05, "5 %"), (0.07, "7 %"), (0.969052, "96.9 %"), (1.0, "100 %"), (0.9999, "100.0 %")]
)
def test_percent(share: float, shown: str) -> None:
    assert percent_of(share) == shown


def test_an_error_of_0_on_many_images_is_not_laid_to_few_of_them() -> None:
    certain = [Case(n % 2, float(n % 2), f"g{n}") for n in range(1_000)]
    error = evaluate(certain, [("f1", 0.5)], [0.05], has_split=False).everything.calibration.ece
    assert decimals(error) == "0.000 (no interval: these images cannot tell one)"


def test_a_prevalence_is_shown_as_it_was_given(cases: list[Case], manifest: Manifest) -> None:
    evaluation = evaluate(cases, [("sensitivity-95", 0.5)], [0.0005, 0.07, 0.9996, 2e-7], has_split=True)
    at_points = evaluation.as_json()["all"]["operating_points"]["sensitivity-95"]["predictive_values"]
    assert [at["prevalence"] for at in at_points[:4]] == [0.0005, 0.07, 0.9996, 2e-7]
    found = replace(result(cases, manifest), evaluation=evaluation)
    said = "\n".join(found.lines())
    assert [f"prevalence {share}: PPV" in said for share in ("0.05 %", "7 %", "99.96 %")] == [True] * 3
    html = page(found)
    assert "PPV at 0.05\N{NO-BREAK SPACE}%" in html and "<td>99.96\N{NO-BREAK SPACE}%</td>" in html
    assert "rounded to whole lesions" in html


def test_what_counted_as_malignant_is_said(cases: list[Case], manifest: Manifest) -> None:
    found = result(cases, manifest)
    names = [("nevus", EVIL)[label or 0] for label in found.labels]
    mapped = replace(found, class_names=names, malignant=(EVIL,))
    malignant = sum(case.label for case in cases)
    assert mapped.as_json()["labelled"] == {"malignant": {EVIL: malignant}, "benign": {"nevus": 240 - malignant}}
    assert f"labels           {EVIL} ({malignant}) as malignant; nevus ({240 - malignant}) as benign" in mapped.lines()
    assert f"nevus ({240 - malignant}) as benign" in page(mapped)
    assert "<script" not in page(mapped)


@pytest.mark.parametrize("draw", [pictures.roc, pictures.pr])
def test_the_name_of_no_operating_point_leaves_the_picture(cases: list[Case], draw: Callable[..., str]) -> None:
    thresholds = np.linspace(0, 1, 41)
    measured = evaluate(cases, [("sensitivity-95", float(t)) for t in thresholds], [0.05], has_split=True).everything
    for judged in measured.points:
        label = re.findall(
            r'<text class="label judged" x="([0-9.]+)" y="[0-9.-]+" text-anchor="(\w+)">', draw(measured, judged)
        )
        for x, anchor in label:
            width = 7 * len("sensitivity-95 (judges)")  # units of the chart, a little more than the widest font takes
            assert float(x) + width <= WIDTH if anchor == "start" else float(x) - width >= 0
