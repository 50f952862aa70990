from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.printed import dollars, fraction, milliseconds, percent, quantile_ms, rounded, share


@pytest.mark.parametrize(
    ("numerator", "denominator", "places", "expected"),
    [
        (1, 3, 6, 0.333333),
        (2, 3, 6, 0.666667),
        (1, 8, 2, 0.12),
        (3, 8, 2, 0.38),
        (5, 10**7, 6, 0.0),
        (15, 10**7, 6, 0.000002),
        (25, 10**7, 6, 0.000002),
        (7, 1, 3, 7.0),
        (0, 5, 3, 0.0),
        (5, 0, 3, 0.0),
    ],
)
def test_a_quotient_is_rounded_once_half_to_even(numerator, denominator, places, expected):
    """Ties go to the even neighbour, and a ratio over nothing is 0."""
    assert rounded(numerator, denominator, places) == expected


@given(st.integers(0, 10**30), st.integers(1, 10**24), st.integers(0, 9))
def test_rounding_is_that_of_exact_fractions(numerator, denominator, places):
    """However large the sums are, the printed number is the nearest one."""
    assert rounded(numerator, denominator, places) == float(round(Fraction(numerator, denominator), places))


def test_units():
    """Money has six decimals and times have three; both come from exact integers."""
    assert dollars(487_340_000_000) == 487.34
    assert dollars(312_100_000_000, 89_400) == 0.003491
    assert milliseconds(9_210_004) == 9210.004
    assert milliseconds(2_763_001, 3) == 921.0
    assert share(2, 3) == 0.666667


def test_a_quantile_of_nothing_is_zero():
    """The engine's NaN is 0 in this answer."""
    assert quantile_ms(float("nan")) == 0
    assert quantile_ms(712.00048828125) == 712.0


def test_exact_values():
    """An exact value, negative too, is rounded once; per cent have one decimal, and over nothing there are none."""
    assert fraction(Fraction(1, 3)) == 0.333333
    assert fraction(Fraction(-2, 3)) == -0.666667
    assert fraction(Fraction(5, 2), 0) == 2.0
    assert percent(-3333, 15678) == -21.3
    assert percent(Fraction(28889), Fraction(41234)) == 70.1
    assert percent(5, 0) == 0
