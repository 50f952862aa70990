"""Where does the answer to a question about events come from: from the rollups, from single events, or from both?

What the hourly rollups hold exactly comes from them, for the whole hours of the window; the rest comes from events.
The choice never changes the answer, only what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokentide.store.queries.catalogue import PERCENTILES, Column, Datasource, Operator, Values
from tokentide.store.queries.conditions import Filter
from tokentide.store.queries.intervals import Months, Seconds
from tokentide.store.queries.parts import TOTAL, Aggregation, parts_of
from tokentide.store.queries.window import Split, Window, split

__all__ = ["MetricsQuery", "Plan", "planned"]

_BUCKET_SECONDS = 3600
_VIRTUAL_MODEL = "virtual_model"


@dataclass(frozen=True, slots=True)
class MetricsQuery:
    """What is asked, as plain data that was checked against the catalogue.

    Attributes:
        datasource: which events.
        window: when they began.
        aggregations: which figures, besides their number; no two are the same.
        groups: by which columns; no two are the same.
        filters: which all must hold.
        buckets: by which time buckets; None for the window as a whole.
    """

    datasource: Datasource
    window: Window
    aggregations: tuple[Aggregation, ...] = ()
    groups: tuple[Column, ...] = ()
    filters: tuple[Filter, ...] = ()
    buckets: Seconds | Months | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered.

    Attributes:
        query: what is asked.
        split: which part of its window comes from rollups, and which from events.
        rolled: whether rollups are asked at all.
    """

    query: MetricsQuery
    split: Split
    rolled: bool

    def needs_events_from_ms(self) -> int | None:
        """The first moment of which single events are needed; None when no event is."""
        if not self.rolled:
            return self.query.window.start_ms
        return self.split.edges[0].start_ms if self.split.edges else None


def planned(query: MetricsQuery, *, by_rollups: bool = True) -> Plan:
    """Plan a query.

    Args:
        query: what is asked.
        by_rollups: whether rollups may be asked; the answer is the same without.
    """
    if by_rollups and _is_held(query):
        parts = split(query.window, _BUCKET_SECONDS, 0)
        if not parts.interior.is_empty or not parts.edges:
            return Plan(query, parts, rolled=True)
    window = query.window.within_years_of_events()
    nothing = Window(window.start_ms, window.start_ms)
    return Plan(query, Split(nothing, (window,), widened=False), rolled=False)


def _is_held(query: MetricsQuery) -> bool:
    """Whether the hourly rollups hold all that is asked, whatever the window."""
    return (
        query.datasource.held
        and (query.buckets is None or query.buckets.is_of_hours)
        and any(map(leaves_concrete_models, query.filters))
        and all(column.held.value for column in query.groups)
        and all(map(_aggregation_is_held, query.aggregations))
        and all(_filter_is_held(filtered, query) for filtered in query.filters)
    )


def leaves_concrete_models(filtered: Filter) -> bool:
    """Whether the filter leaves the rows of concrete models alone, which are all that rollups count."""
    return filtered.column.sql == _VIRTUAL_MODEL and filtered.operator is Operator.IS_NULL and bool(filtered.value)


def _aggregation_is_held(aggregation: Aggregation) -> bool:
    if aggregation.function in PERCENTILES:
        return aggregation.column.held.digest is not None
    return all(part.of_usage is not None for part in parts_of(aggregation))


def _filter_is_held(filtered: Filter, query: MetricsQuery) -> bool:
    if filtered.column.values is Values.FLAG:
        return _counts_alone(query) and sum(other.column.values is Values.FLAG for other in query.filters) == 1
    return leaves_concrete_models(filtered) or filtered.column.held.value is not None


def _counts_alone(query: MetricsQuery) -> bool:
    """Whether nothing but the number of calls is asked, which rollups know of failed ones too."""
    return all(
        aggregation.function not in PERCENTILES and parts_of(aggregation) == (TOTAL,)
        for aggregation in query.aggregations
    )
