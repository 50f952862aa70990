"""Whether a figure rose or fell."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.trends import A_HUNDREDTH, course

COUNTS = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [(0, 0, 0), (1, 0, 1), (0, 1, -1), (110, 100, 0), (111, 100, 1), (90, 100, 0), (89, 100, -1)],
)
def test_a_tenth_is_the_limit(now, before, expected):
    """Exactly a tenth more or less is about the same; from nothing to something is higher."""
    assert course(now, before) == expected


def test_another_limit():
    """The limit may be a hundredth, and figures may be fractions."""
    assert course(Fraction(101, 100), 1, A_HUNDREDTH) == 0
    assert course(Fraction(10101, 10000), 1, A_HUNDREDTH) == 1
    assert course(Fraction(9899, 10000), 1, A_HUNDREDTH) == -1


@given(COUNTS, COUNTS, st.integers(1, 1000))
def test_units_do_not_matter(now, before, factor):
    """Both figures in another unit went the same way."""
    assert course(now * factor, before * factor) == course(now, before)
