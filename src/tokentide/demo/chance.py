"""How chance is drawn: whether something happens, and which of several things it is."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TypeVar

__all__ = ["happens", "pick", "spread"]

_Item = TypeVar("_Item")


def happens(rng: Random, share: float) -> bool:
    """True in that share of the cases."""
    return rng.random() < share


def spread(weighted: Iterable[tuple[_Item, float]], slots: int = 10_000) -> tuple[_Item, ...]:
    """A table to draw from, of about `slots` places; each item stands as often as its weight asks, at least once."""
    pairs = list(weighted)
    total = sum(weight for _, weight in pairs)
    return tuple(item for item, weight in pairs for _ in range(max(1, round(slots * weight / total))))


def pick(rng: Random, table: tuple[_Item, ...]) -> _Item:
    """One item of a table that `spread` made."""
    return table[int(rng.random() * len(table))]
