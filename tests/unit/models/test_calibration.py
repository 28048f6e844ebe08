"""Probabilities that mean what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import FITTED, Calibration, fit, fit_isotonic, fit_temperature, parse_calibration
from models.errors import ModelInvalid
from models.evaluation.calibration import expected_calibration_error


def overconfident(temperature: float, number: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from true probabilities, and what a network says whose log-odds are that many times too large."""
    rng = np.random.default_rng(3)
    odds = rng.normal(0, 1.5, number)
    labels = (rng.random(number) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return labels, 1 / (1 + np.exp(-odds * temperature))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_the_temperature_is_found(temperature: float) -> None:
    labels, said = overconfident(temperature)
    assert fit_temperature(labels, said).temperature == pytest.approx(temperature, rel=0.04)


def test_it_mends_what_it_was_fitted_for() -> None:
    labels, said = overconfident(3.0)
    mended = fit_temperature(labels, said).apply(said)
    sure = mended > 0.8
    assert labels[sure].mean() == pytest.approx(mended[sure].mean(), abs=0.01)
    assert labels[said > 0.8].mean() < said[said > 0.8].mean() - 0.05


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0.1, 10))
def test_order_and_range_stay(probabilities: list[float], temperature: float) -> None:
    said = np.array(sorted(probabilities))
    mended = Calibration("temperature", temperature).apply(said)
    assert ((mended >= 0) & (mended <= 1)).all()
    assert (np.diff(mended) >= 0).all()


def test_none_changes_nothing() -> None:
    said = np.array([0.0, 0.25, 1.0])
    assert Calibration().apply(said) is said


def test_a_half_stays_a_half() -> None:
    assert Calibration("temperature", 3.0).apply(np.array([0.5]))[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(),
        Calibration("temperature", 1.75),
        Calibration("isotonic", knots=((0.25, 0.1), (0.75, 0.1), (1.0, 0.9))),
    ],
)
def test_it_survives_the_manifest(calibration: Calibration) -> None:
    assert parse_calibration(calibration.as_json()) == calibration


@pytest.mark.parametrize(
    "raw",
    [None, {}, {"method": "guess"}, {"method": "temperature"}, {"method": "temperature", "temperature": 0},
     {"method": "temperature", "temperature": True}, {"method": "temperature", "temperature": "2"},
     {"method": "temperature", "temperature": float("inf")},
     {"method": "isotonic"}, {"method": "isotonic", "knots": []}, {"method": "isotonic", "knots": [[0.1, 0.2]]},
     {"method": "isotonic", "knots": ["0.1"]}, {"method": "isotonic", "knots": [["0.1", "1.2"]]},
     {"method": "isotonic", "knots": [["nan", "0.2"]]}, {"method": "isotonic", "knots": [5]},
     {"method": "isotonic", "knots": [["0.1", "0.2"], ["0.1", "0.3"]]},
     {"method": "isotonic", "knots": [["0.1", "0.2"], ["0.2", "0.1"]]}],
)  # fmt: skip
def test_a_wrong_one_is_refused(raw: object) -> None:
    with pytest.raises(ModelInvalid, match=r"^manifest\.json: calibration"):
        parse_calibration(raw)


# --- isotonic -------------------------------------------------------------------------------------------------

LABELLED = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def test_pooling_by_hand() -> None:
    said = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    labels = np.array([0, 1, 0, 0, 1, 1])
    steps = ((0.1, 0.125), (0.2, 0.333333), (0.4, 0.333333), (0.5, 0.875), (0.6, 0.875))
    assert fit_isotonic(labels, said).knots == steps
    assert fit_isotonic(labels, said).apply(np.array([0.0, 0.1, 0.15, 0.3, 0.45, 1.0])) == pytest.approx(
        [0.125, 0.125, (0.125 + 0.333333) / 2, 0.333333, (0.333333 + 0.875) / 2, 0.875]
    )


@given(LABELLED, st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_isotonic_keeps_the_order_up_to_ties(fitted: list[tuple[int, float]], others: list[float]) -> None:
    labels, said = np.array([row[0] for row in fitted]), np.array([row[1] for row in fitted])
    found = fit_isotonic(labels, said)
    mended = found.apply(np.array(sorted(others)))
    assert (np.diff(mended) >= 0).all()
    least = 1 / (len(labels) + 2) - 1e-6
    assert ((mended >= least) & (mended <= 1 - least)).all()
    assert parse_calibration(found.as_json()) == found


@given(LABELLED)
def test_isotonic_calibrates_what_it_was_fitted_on(fitted: list[tuple[int, float]]) -> None:
    labels, said = np.array([row[0] for row in fitted]), np.array([row[1] for row in fitted])
    after = expected_calibration_error(labels, fit_isotonic(labels, said).apply(np.round(said, 6)))
    # a step's mean is its share of malignant, so all that is left is what keeps steps off 0 and 1, and rounding
    assert after <= 1 / (len(labels) + 2) + 1e-6


def test_isotonic_mends_what_no_temperature_can() -> None:
    """All too high by the same log-odds: a temperature turns about 0.5 and cannot move it."""
    rng = np.random.default_rng(5)
    odds = rng.normal(0, 1.5, 20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    said = 1 / (1 + np.exp(-odds - 1.0))
    half = np.arange(20_000) < 10_000
    errors = {
        method: expected_calibration_error(labels[~half], fit(method, labels[half], said[half]).apply(said[~half]))
        for method in ("none", *FITTED)
    }
    assert errors["isotonic"] < 0.03 < errors["temperature"] <= errors["none"]


def test_the_command_offers_what_can_be_fitted() -> None:
    from cli.commands.model.train import CALIBRATIONS

    assert CALIBRATIONS == FITTED
