"""How is a number printed? Exact integers are divided and rounded once, half to even; a ratio over nothing is 0."""

from __future__ import annotations

import math
from fractions import Fraction

__all__ = ["NANOS_PER_DOLLAR", "dollars", "fraction", "milliseconds", "percent", "quantile_ms", "rounded", "share"]

NANOS_PER_DOLLAR = 10**9
_MICROS_PER_MILLISECOND = 1000


def rounded(numerator: int, denominator: int, places: int) -> float:
    """The quotient with at most so many decimals; 0 when the denominator is 0."""
    if denominator == 0:
        return 0.0
    scale: int = 10**places
    whole, rest = divmod(numerator * scale, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and whole % 2):
        whole += 1
    return whole / scale


def share(part: int, whole: int) -> float:
    """What fraction of the whole the part is, with at most six decimals."""
    return rounded(part, whole, 6)


def dollars(nanos: int, per: int = 1) -> float:
    """Dollars with at most six decimals, of a sum in nano-dollars spread over `per` calls."""
    return rounded(nanos, per * NANOS_PER_DOLLAR, 6)


def milliseconds(micros: int, per: int = 1) -> float:
    """Milliseconds with at most three decimals, of a sum in microseconds spread over `per` calls."""
    return rounded(micros, per * _MICROS_PER_MILLISECOND, 3)


def quantile_ms(value: float) -> float:
    """Milliseconds with at most three decimals, of a quantile; that of no calls (NaN) is 0."""
    return 0.0 if math.isnan(value) else round(value, 3)


def fraction(value: Fraction, places: int = 6) -> float:
    """An exact value with at most so many decimals."""
    return rounded(value.numerator, value.denominator, places)


def percent(part: Fraction | int, whole: Fraction | int) -> float:
    """A hundred times the share, with at most one decimal; 0 over nothing."""
    return fraction(Fraction(part) * 100 / Fraction(whole), 1) if whole else 0.0
