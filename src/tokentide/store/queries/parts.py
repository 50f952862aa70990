"""Which sums does an aggregation need, such that those of rollups and those of events add up to the same?

An average needs a sum and a count, percentiles need a digest or the values. A part is one of these, as columns of the
rows that are united (`branches`) and as the aggregate over them. Aggregations share their parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokentide.rollups.sketch import EXACT_UP_TO
from tokentide.store.queries.catalogue import PERCENTILES, Column, Function, Unit, Values

__all__ = ["TOTAL", "Aggregation", "Part", "count_part", "parts_of", "percentile_part"]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One figure of an answer: a function over a column that has it."""

    function: Function
    column: Column


@dataclass(frozen=True, slots=True)
class Part:
    """Something that adds up.

    Attributes:
        aggregate: SQL over its columns, which stand in it as {0} and {1}.
        of_event: its columns, as expressions over an event.
        of_usage: the same over a row of the usage rollup; None when that does not hold it.
        of_latency: the same over a row of the latency rollup, which adds nothing to what usage holds.
        digest: whether the latency rollup is what holds it.
    """

    aggregate: str
    of_event: tuple[str, ...]
    of_usage: tuple[str, ...] | None = None
    of_latency: tuple[str, ...] = ("toUInt64(0)",)
    digest: bool = False


TOTAL = Part("sum({0})", ("toUInt64(1)",), ("requests",))
"""How many events there are."""


def parts_of(aggregation: Aggregation) -> tuple[Part, ...]:
    """The parts of an aggregation, but for percentiles, in the order in which they are read."""
    column = aggregation.column
    match aggregation.function:
        case Function.COUNT:
            return (count_part(column),)
        case Function.COUNT_DISTINCT:
            return (_distinct(column),)
        case Function.SUM:
            return (_sum(column),)
        case Function.AVG:
            return _sum(column), count_part(column)
        case Function.MIN | Function.MAX:
            return _extreme(aggregation.function, column), count_part(column)
        case _:
            raise ValueError(f"{aggregation.function} is a percentile")


def count_part(column: Column) -> Part:
    """How many events have a value."""
    return TOTAL if column.always else Part("sum({0})", (f"toUInt64(({column.sql}) IS NOT NULL)",))


def percentile_part(column: Column, functions: Sequence[Function], *, of_digests: bool) -> Part:
    """Percentiles of a column: an array of them, empty when there is no value.

    Few values answer with one of themselves, the smallest that so many percent do not exceed; many are sketched.

    Args:
        column: what they are of.
        functions: which percentiles.
        of_digests: whether rows of the latency rollup are among the rows, or only events.
    """
    percents = [PERCENTILES[function] for function in functions]
    levels = ", ".join(str(percent / 100) for percent in percents)
    if of_digests:
        return Part(
            _percentiles(
                percents,
                count="sum(arraySum({1}))",
                few=f"groupArrayArray({EXACT_UP_TO})({{0}})",
                many=f"quantilesTDigestWeightedArray({levels})({{0}}, {{1}})",
            ),
            (f"[toFloat32({column.sql})]", "[toUInt32(1)]"),
            ("emptyArrayFloat32()", "emptyArrayUInt32()"),
            (f"{column.held.digest}_means", f"{column.held.digest}_weights"),
            digest=True,
        )
    few, many = f"groupArray({EXACT_UP_TO})({{0}})", f"quantilesTDigest({levels})({{0}})"
    return Part(
        _percentiles(percents, count="count({0})", few=few, many=many), (f"CAST({column.sql}, 'Nullable(Float64)')",)
    )


def _percentiles(percents: Sequence[int], *, count: str, few: str, many: str) -> str:
    picked = f"arrayMap(percent -> arraySort({few})[intDiv(percent * {count} + 99, 100)], {list(percents)})"
    return f"multiIf({count} = 0, [], {count} <= {EXACT_UP_TO}, {picked}, {many})"


def _sum(column: Column) -> Part:
    assert column.measure is not None, f"{column.name} does not add up"
    wide = "sum(toUInt128({0}))" if column.measure.unit is Unit.NANOS else "sum({0})"  # ten large costs pass 64 bits
    held = column.held.total
    return Part(wide, (column.measure.total,), None if held is None else (held,))


def _extreme(function: Function, column: Column) -> Part:
    assert column.measure is not None, f"{column.name} has no order"
    held = column.held.most if function is Function.MAX else None
    return Part(f"{function.value}({{0}})", (column.measure.exact,), None if held is None else (held,))


def _distinct(column: Column) -> Part:
    held = None if column.held.value is None else (column.held.value,)
    return Part("uniqExact({0})", (_told_apart(column),), held, held or ())


def _told_apart(column: Column) -> str:
    """What is equal exactly when two values are: costs as integers, and 0 for -0."""
    if column.values is not Values.NUMBER:
        return column.sql
    exact = column.measure is not None and column.measure.unit is Unit.NANOS
    return column.measure.exact if exact and column.measure else f"{column.sql} + 0"
