"""How do stored rows differ from what the log comes to? Pure.

A row's version says how far its prefix of the log goes. One at or below the position is compared with the fold up to
the position; one above it, which a running worker has stored since, with the fold up to that very record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from tokentide.reconcile.counting import Counts
from tokentide.reconcile.sieve import Rows
from tokentide.rollups import LATENCY, Key, RowState, Table
from tokentide.rollups.sketch import EXACT_UP_TO

__all__ = ["Difference", "count_differences", "row_differences", "unlike"]

_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
_CELL = 2 / 250  # of a digest around the rank q: this times the root of 1 - q
_FLOAT32 = 2**-22


class Difference(NamedTuple):
    """One place where the store is not what the log comes to.

    Attributes:
        table: of the store.
        bucket: start of the row's bucket, or the hour that was counted, in seconds since the epoch.
        key: of the row; empty for a count.
        said: what is wrong, in words.
        stored: the row as it is; None when there is none, and for a count.
        expected: the row as it should be; None when there should be none, and for a count.
    """

    table: str
    bucket: int
    key: Key
    said: str
    stored: RowState | None = None
    expected: RowState | None = None


def row_differences(expected: Rows, stored: Rows, through: int) -> Iterator[Difference]:
    """Compare rows as of the position; stored rows of a version above `through` are left to `unlike`."""
    for place in sorted(expected.keys() | stored.keys(), key=_order):
        table, key = place
        wanted, found = expected.get(place), stored.get(place)
        if found is not None and found.version > through:
            continue
        said = _said(table, wanted, found)
        if said is not None:
            yield Difference(table.name, int(key[1]), key, said, found, wanted)


def unlike(table: Table, wanted: Sequence[Any], found: Sequence[Any]) -> str | None:
    """Which measures differ and how; None when none does. Digests need not have the same centroids."""
    if table is LATENCY:
        for name, place in (("latency", 0), ("ttft", 2)):
            said = _unlike_digest(wanted[place], wanted[place + 1], found[place], found[place + 1])
            if said is not None:
                return f"{name}: {said}"
        return None
    pairs = zip(table.measures, wanted, found, strict=True)
    wrong = [f"{name} is {is_}, should be {should}" for name, should, is_ in pairs if should != is_]
    return "; ".join(wrong) or None


def count_differences(
    low: Counts, high: Counts, stored: Mapping[tuple[str, int], tuple[Mapping[str, int], int]], through: int
) -> Iterator[Difference]:
    """Compare sums over stored rows with plain counts.

    Args:
        low: counted up to the position.
        high: counted up to the newest record that a stored row may hold.
        stored: the sums with the highest version among their rows, by table and hour.
        through: the version of the position. Sums of rows that are beyond it may lie between low and high.
    """
    for table, hour in sorted(low.keys() | stored.keys()):
        sums, version = stored.get((table, hour), ({}, 0))
        least: Mapping[str, int] = low.get((table, hour), {})
        most: Mapping[str, int] = high.get((table, hour), {})
        names = sums.keys() | least.keys()
        for name in sorted(names):
            is_, from_, to = sums.get(name, 0), least.get(name, 0), most.get(name, 0)
            fits = from_ <= is_ <= to if version > through else is_ == from_
            if not fits:
                yield Difference(table, hour, (), f"{name}: the rows add up to {is_}, the log has {from_}")


def _said(table: Table, wanted: RowState | None, found: RowState | None) -> str | None:
    if found is None:
        return "the row is missing"
    if wanted is None:
        return "the log has nothing for this row"
    said = unlike(table, wanted.values, found.values)
    if said is None and wanted.version != found.version:
        said = f"version is {found.version}, should be {wanted.version}"
    return said


def _unlike_digest(
    means: Sequence[float], weights: Sequence[int], found_means: Sequence[float], found_weights: Sequence[int]
) -> str | None:
    count, found_count = sum(weights), sum(found_weights)
    if count != found_count:
        return f"holds {found_count} values, should hold {count}"
    if count <= EXACT_UP_TO:
        same = list(means) == list(found_means) and list(weights) == list(found_weights)
        return None if same else "holds other values"
    for quantile in _QUANTILES:
        value = _value_at(quantile * count, found_means, found_weights)
        off = _rank_distance(quantile * count, value, means, weights) / count
        if off > 4 * _CELL * (1 - quantile) ** 0.5 + 2 / count:
            return f"the {quantile:.0%} quantile is {value:g}, which is {off:.2%} of the ranks away"
    return None


def _value_at(rank: float, means: Sequence[float], weights: Sequence[int]) -> float:
    ends = list(accumulate(weights))
    return means[min(bisect_left(ends, rank), len(means) - 1)]


def _rank_distance(rank: float, value: float, means: Sequence[float], weights: Sequence[int]) -> float:
    """How far a rank is from those that a value has."""
    slack = abs(value) * _FLOAT32
    below = sum(weights[: bisect_left(means, value - slack)])
    upto = sum(weights[: bisect_right(means, value + slack)])
    return max(0.0, below - rank, rank - upto)


def _order(place: tuple[Table, Key]) -> tuple[str, Key]:
    return place[0].name, place[1]
