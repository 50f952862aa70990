"""Which are the most? Names in the order of their counts or costs; of equal ones the first by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["dearest_first", "ranked"]


def ranked(counts: Mapping[str, int], most: int | None = None) -> list[str]:
    """The names that have a count, highest first; at most so many."""
    names = sorted((name for name, count in counts.items() if count), key=lambda name: (-counts[name], name))
    return names[:most]


def dearest_first(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows (name, calls, cost, …) by cost, highest first; of equal costs the one with more calls."""
    return sorted(rows, key=lambda row: (-row[2], -row[1], row[0]))
