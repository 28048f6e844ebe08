"""The four pictures of an evaluation: ROC, PR, reliability and confusion."""

from __future__ import annotations

from markupsafe import Markup

from cli.figures import decimals, percent_of
from cli.svg import Chart
from models.evaluation.measurement import AtThreshold, Measurement

_LABEL_ROOM = 0.055  # labels of operating points stand at least so far apart, as a share of the axis
_RIGHT_OF, _LEFT_OF = 0.55, 0.35  # shares of the axis up to and from which "sensitivity-95 (judges)" fits beside a dot


def roc(measurement: Measurement, judged: AtThreshold) -> Markup:
    """Sensitivity over false alarms, with every operating point."""
    chart = Chart(
        f"ROC curve, area {decimals(measurement.roc_auc)}",
        "benign lesions flagged (1 - specificity)",
        "malignant lesions flagged (sensitivity)",
    )
    chart.line([(0, 0), (1, 1)], "chance")
    chart.note(0.66, 0.6, "chance", kind="soft")
    chart.line(measurement.roc, "curve")
    places = [
        (point, 1 - point.specificity.value, point.sensitivity.value)
        for point in measurement.points
        if point.specificity.value is not None and point.sensitivity.value is not None
    ]
    _points(chart, places, judged, to_the_right=True)
    chart.note(0.97, 0.04, f"area {decimals(measurement.roc_auc)}", kind="figure", anchor="end")
    return chart.svg()


def pr(measurement: Measurement, judged: AtThreshold) -> Markup:
    """Positive predictive value over sensitivity, at the prevalence of these images."""
    chart = Chart(
        f"PR curve, area {decimals(measurement.pr_auc)}",
        "malignant lesions flagged (sensitivity)",
        "malignant among the flagged (PPV)",
    )
    prevalence = measurement.malignant / measurement.images
    chart.line([(0, prevalence), (1, prevalence)], "chance")
    chart.note(0.02, prevalence - 0.045, f"chance: {percent_of(prevalence)} of these images are malignant", kind="soft")
    chart.line(measurement.pr, "curve")
    places = [
        (point, point.sensitivity.value, point.predictive[-1].ppv.value)
        for point in measurement.points
        if point.sensitivity.value is not None and point.predictive[-1].ppv.value is not None
    ]
    _points(chart, places, judged, to_the_right=False)
    chart.note(0.02, 0.04, f"area {decimals(measurement.pr_auc)}", kind="figure")
    return chart.svg()


def _points(
    chart: Chart, places: list[tuple[AtThreshold, float, float]], judged: AtThreshold, *, to_the_right: bool
) -> None:
    """Dots with their names beside them, the highest first, none upon another."""
    room = 2.0
    for point, x, y in sorted(places, key=lambda place: (-place[2], place[1])):
        kind = "judged" if point is judged else "point"
        chart.dot(x, y, kind, 6 if point is judged else 4.5, f"{point.name}, threshold {point.threshold:.6f}")
        room = min(room - _LABEL_ROOM, y - 0.045)
        name = f"{point.name} (judges)" if point is judged else point.name
        right = x < (_RIGHT_OF if to_the_right else _LEFT_OF)
        chart.note(
            x + (0.025 if right else -0.025),
            room,
            name,
            kind=f"label {kind}",
            anchor="start" if right else "end",
        )


def reliability(measurement: Measurement) -> Markup:
    """How often lesions of a probability are malignant; below it how many images have it."""
    calibration = measurement.calibration
    chart = Chart(
        f"Reliability, calibration error {decimals(calibration.ece)}",
        "probability given by the network",
        "share that is malignant",
    )
    most = max(item.images for item in calibration.bins)
    for item in calibration.bins:
        if item.images:
            chart.bar(item.low, item.high, 0.16 * item.images / most, f"{item.images} images")
    chart.line([(0, 0), (1, 1)], "ideal")
    chart.note(0.5, 0.53, "exact", kind="soft", anchor="end")
    found = [item for item in calibration.bins if item.images and item.mean_probability is not None]
    chart.line([(item.mean_probability or 0.0, item.malignant_share.value or 0.0) for item in found], "curve")
    for item in found:
        x, share = item.mean_probability or 0.0, item.malignant_share
        if share.interval:
            chart.whisker(x, *share.interval)
        value = share.value or 0.0
        chart.dot(x, value, "point", 3.5, f"{item.images} images: said {x:.2f}, malignant {value:.2f}")
    chart.note(0.02, 0.94, f"calibration error {calibration.ece.value or 0.0:.3f}", kind="figure")
    return chart.svg()


def confusion(judged: AtThreshold) -> Markup:
    """Four fields: malignant and benign, flagged and not; the darker, the larger its share of its row."""
    counted = judged.confusion
    fields = (
        (0, 0, counted.hits, counted.malignant, "found", "right"),
        (1, 0, counted.misses, counted.malignant, "missed", "wrong"),
        (0, 1, counted.alarms, counted.benign, "false alarm", "wrong"),
        (1, 1, counted.spared, counted.benign, "rightly spared", "right"),
    )
    parts = [
        Markup('<text class="axis" x="{}" y="26" text-anchor="middle">{}</text>').format(x, name)
        for x, name in ((160, "flagged"), (310, "not flagged"))
    ]
    for y, name, total in ((110, "malignant", counted.malignant), (250, "benign", counted.benign)):
        parts.append(Markup('<text class="axis" x="76" y="{}" text-anchor="end">{}</text>').format(y - 2, name))
        parts.append(Markup('<text class="tick" x="76" y="{}" text-anchor="end">{}</text>').format(y + 16, total))
    for column, row, number, total, word, kind in fields:
        share = number / total if total else 0.0
        x, y = 86 + 150 * column, 40 + 140 * row
        parts.append(
            Markup('<rect class="field {}" x="{}" y="{}" width="146" height="136" fill-opacity="{}"/>').format(
                kind, x, y, round(0.08 + 0.4 * share, 3)
            )
        )
        for down, css, text in (
            (58, "count", number),
            (84, "word", word),
            (106, "tick", f"{percent_of(share)} of the row" if total else "none in this row"),
        ):
            parts.append(
                Markup('<text class="{}" x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    css, x + 73, y + down, text
                )
            )
    return Markup('<svg class="chart" viewBox="0 0 400 330" role="img" aria-label="{}">{}</svg>').format(
        f"malignant: {counted.hits} flagged, {counted.misses} missed; "
        f"benign: {counted.alarms} flagged, {counted.spared} not flagged",
        Markup("").join(parts),
    )
