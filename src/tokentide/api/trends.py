"""Did a figure rise or fall, or did it stay about the same? A dialect only finds the words."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

__all__ = ["A_HUNDREDTH", "A_TENTH", "Course", "course"]

A_TENTH = Fraction(1, 10)
A_HUNDREDTH = Fraction(1, 100)

Course = Literal[-1, 0, 1]
"""Lower, about the same, higher."""


def course(now: Fraction | int, before: Fraction | int, within: Fraction = A_TENTH) -> Course:
    """How a figure went, none of the two being negative; from nothing to something is higher.

    Args:
        now: the figure.
        before: what it is held against.
        within: what share of `before` it may differ and still be about the same.
    """
    if now > before * (1 + within):
        return 1
    return -1 if now < before * (1 - within) else 0
