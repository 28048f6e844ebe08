"""Probabilities that mean what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Calibration, fit_temperature, parse_calibration
from models.errors import ModelInvalid


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


@pytest.mark.parametrize("calibration", [Calibration(), Calibration("temperature", 1.75)])
def test_it_survives_the_manifest(calibration: Calibration) -> None:
    assert parse_calibration(calibration.as_json()) == calibration


@pytest.mark.parametrize(
    "raw",
    [None, {}, {"method": "guess"}, {"method": "temperature"}, {"method": "temperature", "temperature": 0},
     {"method": "temperature", "temperature": True}, {"method": "temperature", "temperature": "2"}],
)  # fmt: skip
def test_a_wrong_one_is_refused(raw: object) -> None:
    with pytest.raises(ModelInvalid, match=r"^manifest\.json: calibration"):
        parse_calibration(raw)
