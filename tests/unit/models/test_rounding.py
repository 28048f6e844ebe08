"""What is printed is what was judged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rounding import DECIMALS, decimal, text


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0.43, "0.430000"), (0.4299996, "0.430000"), (0.4299994, "0.429999"), (0.0, "0.000000"), (1.0, "1.000000"),
     (0.9999996, "1.000000"), (1e-9, "0.000000")],
)  # fmt: skip
def test_six_decimals(value: float, printed: str) -> None:
    assert text(decimal(value)) == printed
    assert decimal(value) == float(printed)


@given(st.floats(0, 1))
def test_the_printed_number_is_the_rounded_number(value: float) -> None:
    assert float(text(value)) == decimal(value)
    assert decimal(decimal(value)) == decimal(value)


@given(st.floats(0, 1), st.floats(0, 1))
def test_two_that_print_alike_are_equal(one: float, other: float) -> None:
    assert (text(one) == text(other)) == (decimal(one) == decimal(other))


@given(st.floats(0, 1, width=32))
def test_numpy_rounds_probabilities_of_a_network_the_same_way(value: float) -> None:
    """Thresholds are chosen on arrays rounded by numpy, predictions are rounded one by one."""
    assert float(np.round(np.float64(np.float32(value)), DECIMALS)) == decimal(value)


def test_scalars_of_numpy_become_plain_floats() -> None:
    assert type(decimal(np.float32(0.1))) is float
    assert decimal(np.float32(0.1)) == 0.1
