"""Which query is a body? It is read field by field, and checked against the catalogue."""

from __future__ import annotations

import re
from typing import Any

from tokentide.api.json_body import shortened
from tokentide.api.times import DAY_MS, LAST_MS, read_moment
from tokentide.api.truefoundry.filters import read_filter
from tokentide.api.truefoundry.places import Place
from tokentide.errors import QueryError
from tokentide.store.queries.catalogue import METADATA, Column, Datasource, Function
from tokentide.store.queries.datasources import DATASOURCES
from tokentide.store.queries.intervals import MONDAY_SECONDS, Months, Seconds
from tokentide.store.queries.parts import Aggregation
from tokentide.store.queries.plan import MetricsQuery
from tokentide.store.queries.window import Window

__all__ = ["TYPES", "UNITS", "read_query"]

TYPES = ("distribution", "timeseries")
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
"""Of intervals, with or without an s."""

_REQUIRED = ("startTs", "endTs", "datasource", "type")
_OPTIONAL = ("aggregations", "groupBy", "filters", "interval", "intervalInSeconds")
_INTERVAL = re.compile(rf"\s*([1-9][0-9]{{0,5}})\s+({'|'.join(UNITS)})s?\s*", re.IGNORECASE | re.ASCII)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY_MS // 1000, "week": 7 * DAY_MS // 1000}
_MONTHS = {"month": 1, "year": 12}
_WITH_OFFSET = re.compile(r"\d{4}-\d\d-\d\d|.*(?:[Zz]|[+-]\d\d(?::?\d\d)?)", re.ASCII)


def read_query(body: Any) -> MetricsQuery:
    """The query that a body asks.

    Args:
        body: a JSON value.

    Raises:
        QueryError: naming the field that is wrong, and saying what belongs there.
    """
    whole = Place("", body)
    if not isinstance(body, dict):
        raise QueryError("the body must be a JSON object")
    fields = whole.fields(_REQUIRED, _OPTIONAL, closed=False)
    window = _window(fields["startTs"], fields["endTs"])
    datasource = DATASOURCES[fields["datasource"].one_of(DATASOURCES, "datasource")]
    by_time = fields["type"].one_of(TYPES, "type") == "timeseries"
    return MetricsQuery(
        datasource,
        window,
        _aggregations(datasource, fields.get("aggregations")),
        _groups(datasource, fields.get("groupBy")),
        _filters(datasource, fields.get("filters")),
        _buckets(fields, window) if by_time else None,
    )


def _window(start: Place, end: Place) -> Window:
    window = Window(_moment_ms(start), _moment_ms(end))
    if window.is_empty:
        start.refuse("must be before endTs")
    return window


def _moment_ms(place: Place) -> int:
    text = place.text()
    moment_ms = read_moment(text, place.name)
    if not _WITH_OFFSET.fullmatch(text) or " " in text:
        place.refuse("must end with its offset from UTC, as in 2026-04-20T10:00:00Z")
    return moment_ms


def _aggregations(datasource: Datasource, listed: Place | None) -> tuple[Aggregation, ...]:
    found = [_aggregation(datasource, place) for place in listed.entries()] if listed else []
    return tuple(dict.fromkeys(found))


def _aggregation(datasource: Datasource, place: Place) -> Aggregation:
    fields = place.fields(("type", "column"), closed=True)
    function = Function(fields["type"].one_of((function.value for function in Function), "aggregation"))
    name = fields["column"].text()
    column = datasource.column(name)
    if column is None or not column.functions:
        able = [other.name for other in datasource.columns if other.functions]
        fields["column"].refuse(_not_there(datasource, name, column, "aggregate", able))
    if function not in column.functions:
        able = [each.value for each in column.functions]
        fields["type"].refuse(f"is {function.value}, which {name} does not have: choose one of {', '.join(able)}")
    return Aggregation(function, column)


def _groups(datasource: Datasource, listed: Place | None) -> tuple[Column, ...]:
    found = list(dict.fromkeys(_group(datasource, place) for place in listed.entries())) if listed else []
    shown: dict[str, str] = {}
    for column in found:
        if column.shown_as in shown and listed:
            listed.refuse(
                f"has {shown[column.shown_as]} and {column.name}, which are both answered as {column.shown_as}: "
                "choose one of them"
            )
        shown[column.shown_as] = column.name
    return tuple(found)


def _group(datasource: Datasource, place: Place) -> Column:
    name = place.text()
    column = datasource.column(name)
    if name == METADATA:
        place.refuse("must name a key of the metadata, as in metadata.environment")
    if column is None or not column.groups:
        able = [*(other.name for other in datasource.columns if other.groups), "metadata.KEY"]
        place.refuse(_not_there(datasource, name, column, "group by", able))
    return column


def _filters(datasource: Datasource, listed: Place | None) -> tuple[Any, ...]:
    return tuple(read_filter(datasource, place) for place in listed.entries()) if listed else ()


def _not_there(datasource: Datasource, name: str, column: Column | None, what: str, able: list[str]) -> str:
    problem = "which is no column" if column is None else f"which is no column to {what}"
    return f"is {shortened(name)}, {problem} of {datasource.name}: choose one of {', '.join(able)}"


def _buckets(fields: dict[str, Place], window: Window) -> Seconds | Months:
    place = fields.get("interval") or fields.get("intervalInSeconds")
    if place is None:
        raise QueryError("interval is required for type timeseries, as in 1 hour", "interval")
    buckets = _interval(place) if "interval" in fields else _interval_in_seconds(place)
    last_ms = min(window.end_ms - 1, max(window.start_ms, Window(0, LAST_MS).within_years_of_events().end_ms - 1))
    if buckets.end_ms(buckets.bucket_of(last_ms)) > LAST_MS:
        place.refuse("makes buckets that end after the year 2299: choose a shorter one")
    return buckets


def _interval(place: Place) -> Seconds | Months:
    found = _INTERVAL.fullmatch(place.text())
    if found is None:
        place.refuse(f"must be a whole number from 1 to 999999 and a unit ({', '.join(UNITS)}), as in 15 minutes")
    count, unit = int(found[1]), found[2].lower()
    if unit in _MONTHS:
        return Months(count * _MONTHS[unit])
    return Seconds(count * _SECONDS[unit], MONDAY_SECONDS if unit == "week" else 0)


def _interval_in_seconds(place: Place) -> Seconds:
    if isinstance(place.value, bool) or not isinstance(place.value, int) or place.value < 1:
        place.refuse("must be a positive whole number of seconds, as in 3600")
    return Seconds(min(place.value, LAST_MS))
