"""What do rows of the store add up to, by the names of their measures?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

__all__ = ["Sums", "added", "sums_by"]

Sums = Counter[str]
"""Measure → sum; one that is not there is 0."""

Key = TypeVar("Key", bound=Hashable)


def sums_by(
    rows: Iterable[Sequence[Any]], measures: Sequence[str], key: Callable[[Sequence[Any]], Key]
) -> dict[Key, Sums]:
    """The sums of the rows that have one key, in the order in which the keys come.

    Args:
        rows: each (*dimensions, *measures).
        measures: the names of the last columns.
        key: of a row.
    """
    found: dict[Key, Sums] = {}
    for row in rows:
        sums = dict(zip(measures, row[-len(measures) :], strict=True))
        name = key(row)
        if name in found:
            found[name].update(sums)
        else:
            found[name] = Sums(sums)
    return found


def added(parts: Iterable[Sums]) -> Sums:
    """All of them together."""
    total = Sums()
    for part in parts:
        total.update(part)
    return total
