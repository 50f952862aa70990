"""Which are the most? Names in the order of their counts; of equal counts the first by name."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ranked"]


def ranked(counts: Mapping[str, int], most: int | None = None) -> list[str]:
    """The names that have a count, highest first; at most so many."""
    names = sorted((name for name, count in counts.items() if count), key=lambda name: (-counts[name], name))
    return names[:most]
