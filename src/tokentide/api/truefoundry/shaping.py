"""How do the rows of a question become data points? Numbers in dollars and milliseconds, times as texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokentide.api.engine import Rows
from tokentide.api.printed import dollars, milliseconds, rounded
from tokentide.api.times import iso_millis
from tokentide.api.truefoundry.models import Row
from tokentide.store.queries.catalogue import PERCENTILES, Function, Unit, Values
from tokentide.store.queries.metrics import Figure, MetricsQuestion
from tokentide.store.queries.parts import Aggregation
from tokentide.store.queries.plan import MetricsQuery

__all__ = ["key_of", "shaped"]

_COUNTS = frozenset({Function.COUNT, Function.COUNT_DISTINCT})
_EXTREMES = frozenset({Function.MIN, Function.MAX})


def shaped(query: MetricsQuery, question: MetricsQuestion, rows: Rows) -> list[Row]:
    """The data points, in the order of the rows.

    Args:
        query: what was asked.
        question: how the store was asked.
        rows: what it answered.
    """
    return [_point(query, question, row) for row in rows]


def key_of(aggregation: Aggregation) -> str:
    """What an aggregation is called in an answer: sumInputTokens."""
    name = aggregation.column.name
    return f"{aggregation.function.value}{name[0].upper()}{name[1:]}"


def _point(query: MetricsQuery, question: MetricsQuestion, row: tuple[Any, ...]) -> Row:
    point: Row = dict(_times(query, row[0])) if query.buckets else {}
    groups = row[1 if query.buckets else 0 : question.total_at]
    for column, value in zip(query.groups, groups, strict=True):
        point[column.shown_as] = bool(value) if column.values is Values.FLAG else value
    point["total"] = row[question.total_at]
    for figure in question.figures:
        point[key_of(figure.aggregation)] = _number(figure, row)
    return point


def _times(query: MetricsQuery, bucket: int) -> Mapping[str, str]:
    assert query.buckets is not None
    start_ms, end_ms = query.buckets.start_ms(bucket), query.buckets.end_ms(bucket)
    return {"startTimestamp": iso_millis(start_ms), "endTimestamp": iso_millis(end_ms)}


def _number(figure: Figure, row: tuple[Any, ...]) -> float | None:
    """The figure; null where there is no value, of which a sum is 0."""
    function = figure.aggregation.function
    parts = [row[place] for place in figure.places]
    measure = figure.aggregation.column.measure
    if function in _COUNTS or measure is None:
        return int(parts[0])
    if function in PERCENTILES:
        return _percentile(measure.unit, parts[0][figure.entry]) if parts[0] else None
    if function is Function.SUM:
        return _quotient(measure.unit, parts[0], 1, whole=True)
    if not parts[1]:
        return None
    return _quotient(measure.unit, parts[0], 1 if function in _EXTREMES else parts[1], whole=function in _EXTREMES)


def _quotient(unit: Unit, amount: Any, count: int, *, whole: bool) -> float:
    """An amount spread over a count, in the unit's printed form; of whole numbers an integer when not spread."""
    match unit:
        case Unit.NANOS:
            return dollars(amount, count)
        case Unit.MICROS:
            return milliseconds(amount, count)
        case Unit.MILLIS:
            return round(float(amount) / count, 3)
        case Unit.COUNT:
            return int(amount) if whole else rounded(amount, count, 6)


def _percentile(unit: Unit, value: float) -> float:
    return round(value, 6 if unit is Unit.NANOS else 3)
