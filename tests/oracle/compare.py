"""Where an answer differs from what it should be: every place, by its JSON path.

Expected values are plain JSON values, or judge for themselves, as the two below do, which say how near a number must
come.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

__all__ = ["Judging", "Percentile", "Rounded", "differences", "parse"]

_NOISE = Fraction(1, 10**12)  # a quotient of doubles beside a tie may round to the other side
_FLOAT32 = Fraction(1, 2**22)  # digests keep means as 32-bit floats: two units in the last place
_RANK_TOLERANCE = {50: Fraction(1, 100), 75: Fraction(1, 100), 90: Fraction(5, 1000), 95: Fraction(5, 1000)} | {
    99: Fraction(1, 1000)
}


@runtime_checkable
class Judging(Protocol):
    """An expected value that is not one value."""

    def complaint(self, actual: Any) -> str | None:
        """What is wrong with the actual value, if anything."""


@dataclass(frozen=True)
class Rounded:
    """An exact value, to be printed rounded to at most so many decimals; at a tie either side will do."""

    exact: Fraction
    places: int

    def complaint(self, actual: Any) -> str | None:
        """What is wrong with the printed number, if anything."""
        if not _is_number(actual):
            return f"expected a number near {float(self.exact)}, got {actual!r}"
        printed = Fraction(actual)
        unit = Fraction(1, 10**self.places)
        if printed % unit:
            return f"{actual} has more than {self.places} decimals"
        if abs(printed - self.exact) > unit / 2 + _NOISE * max(1, abs(self.exact)):
            return f"expected {float(self.exact)!r} rounded to {self.places} decimals, got {actual}"
        return None


@dataclass(frozen=True)
class Percentile:
    """A percentile of known values, to be met by rank: a sketch may name a neighbour."""

    values: Sequence[Fraction]
    percent: int

    def complaint(self, actual: Any) -> str | None:
        """What is wrong with the estimate, if anything."""
        if not _is_number(actual):
            return f"expected p{self.percent} of {len(self.values)} values, got {actual!r}"
        estimate = Fraction(actual)
        slack = Fraction(5, 10_000) + abs(estimate) * _FLOAT32
        below = sum(value < estimate - slack for value in self.values)
        upto = sum(value <= estimate + slack for value in self.values)
        count = len(self.values)
        wanted, tolerance = Fraction(self.percent * count, 100), _RANK_TOLERANCE[self.percent] * count + 1
        if upto < wanted - tolerance or below > wanted + tolerance:
            return f"{actual} ranks {below}..{upto} of {count}, expected {float(wanted)} +- {float(tolerance)}"
        if not min(self.values) - slack <= estimate <= max(self.values) + slack:
            return f"{actual} lies outside of all values"
        return None


def parse(text: str | bytes) -> Any:
    """A JSON text with its numbers as they are printed."""
    return json.loads(text, parse_float=Decimal)


def differences(expected: Any, actual: Any, path: str = "$") -> list[str]:
    """Every place where `actual` (from `parse`) is not what `expected` allows; empty when they agree."""
    if isinstance(expected, Judging):
        complaint = expected.complaint(actual)
        return [f"{path}: {complaint}"] if complaint else []
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _of_objects(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _of_lists(expected, actual, path)
    if type(expected) is type(actual) and expected == actual:
        return []
    return [f"{path}: expected {expected!r}, got {actual!r}"]


def _of_objects(expected: dict[str, Any], actual: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{key}: is missing" for key in expected if key not in actual]
    found += [f"{path}.{key}: is not expected" for key in actual if key not in expected]
    for key in expected.keys() & actual.keys():
        found += differences(expected[key], actual[key], f"{path}.{key}")
    return found


def _of_lists(expected: list[Any], actual: list[Any], path: str) -> list[str]:
    found = []
    if len(expected) != len(actual):
        found.append(f"{path}: expected {len(expected)} entries, got {len(actual)}")
    for place, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
        found += differences(wanted, got, f"{path}[{place}]")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
