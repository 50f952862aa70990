"""How is a planned query put to the store, and what do the columns of its rows mean?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tokentide.rollups import LATENCY, USAGE, Table
from tokentide.store.days import DAILY
from tokentide.store.queries.branches import EVENTS, START_OF_DAY, Branch, bounds, needs_hours, united
from tokentide.store.queries.catalogue import PERCENTILES, Values
from tokentide.store.queries.conditions import Filter, condition, of_key
from tokentide.store.queries.days import NO_DAYS, Run, SealedDays, are_worth_it
from tokentide.store.queries.parts import TOTAL, Aggregation, Part, parts_of, percentile_part
from tokentide.store.queries.plan import Plan, leaves_concrete_models
from tokentide.store.queries.totals import Question

__all__ = ["Figure", "MetricsQuestion", "metrics_question"]

_BUCKET = "bucket_number"


@dataclass(frozen=True, slots=True)
class Figure:
    """Where an aggregation stands in a row.

    Attributes:
        aggregation: what it is.
        places: in a row, of its parts.
        entry: of a percentile, in its array.
    """

    aggregation: Aggregation
    places: tuple[int, ...]
    entry: int = 0


@dataclass(frozen=True, slots=True)
class MetricsQuestion(Question):
    """The question of a query; rows are ([bucket,] *groups, total, *parts).

    Attributes:
        total_at: the place of the number of events in a row; its groups stand before it.
        figures: of each aggregation, in the order of the query.
    """

    total_at: int = 0
    figures: tuple[Figure, ...] = ()


def metrics_question(name: str, plan: Plan, projects: Sequence[str], most_rows: int) -> MetricsQuestion:
    """The question that answers a plan.

    By time, rows come in the order of the buckets; then by their number of events, most first, then by their groups,
    null last. Without groups and buckets there is exactly one row.

    Args:
        name: what it is called in metrics.
        plan: what is asked, and where it is.
        projects: whose events.
        most_rows: how many rows are answered, the first of them.
    """

    def of(sealed: SealedDays) -> MetricsQuestion:
        return _question(name, plan, projects, most_rows, sealed)

    by_hours, buckets = of(NO_DAYS), plan.query.buckets
    of_days = plan.rolled and are_worth_it(plan.split.interior) and (buckets is None or buckets.is_of_days)
    return replace(by_hours, by_days=of) if of_days else by_hours


def _question(name: str, plan: Plan, projects: Sequence[str], most_rows: int, sealed: SealedDays) -> MetricsQuestion:
    writing = _Writing(plan, sealed.runs(plan.split.interior))
    runs = writing.runs
    figures = tuple(writing.figure(aggregation) for aggregation in plan.query.aggregations)
    branches = writing.branches()
    keys, aggregates = writing.keys, writing.aggregates()
    lines = [f"SELECT {', '.join([*keys, *aggregates])}", united(plan.split, branches, runs)]
    args = {"projects": list(projects), **writing.args, **bounds(plan.split, branches, runs)}
    if keys:
        by_time = [_BUCKET] if plan.query.buckets else []
        ordered = [*by_time, "a0 DESC", *(f"{key} NULLS LAST" for key in keys[len(by_time) :])]
        lines += [f"GROUP BY {', '.join(keys)}", "HAVING a0 > 0", f"ORDER BY {', '.join(ordered)}"]
        lines.append("LIMIT {most:UInt32}")
        args["most"] = most_rows
    args |= plan.query.buckets.args if plan.query.buckets else {}
    return MetricsQuestion(name, "\n".join(lines), args, origin=plan.split.origin, total_at=len(keys), figures=figures)


@dataclass(slots=True)
class _Writing:
    """A question as it comes into being: the parts that rows have, and the arguments."""

    plan: Plan
    runs: Sequence[Run] = ()
    parts: dict[Part, tuple[str, ...]] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._place(TOTAL)

    @property
    def keys(self) -> list[str]:
        """What rows are grouped by."""
        query = self.plan.query
        return [_BUCKET] * (query.buckets is not None) + [f"k{place}" for place in range(len(query.groups))]

    def aggregates(self) -> list[str]:
        """Every part added up, named a0, a1 and so on; the first is the number of events."""
        return [
            f"{part.aggregate.format(*names)} AS a{place}" for place, (part, names) in enumerate(self.parts.items())
        ]

    def figure(self, aggregation: Aggregation) -> Figure:
        """Where the aggregation will stand; its parts are among the parts from now on."""
        column = aggregation.column
        if aggregation.function not in PERCENTILES:
            return Figure(aggregation, tuple(self._place(part) for part in parts_of(aggregation)))
        asked = [
            other.function
            for other in self.plan.query.aggregations
            if other.column == column and other.function in PERCENTILES
        ]
        part = percentile_part(column, asked, of_digests=self.plan.rolled)
        return Figure(aggregation, (self._place(part),), asked.index(aggregation.function))

    def branches(self) -> list[Branch]:
        """Every table that is asked."""
        found = []
        if self.plan.rolled:
            found += self._of_rollup(USAGE, [part.of_usage or () for part in self.parts])
            if any(part.digest for part in self.parts):
                found += self._of_rollup(LATENCY, [part.of_latency for part in self.parts])
        if self.plan.split.edges:
            found.append(self._of_events())
        return found

    def _place(self, part: Part) -> int:
        """The place of a part in a row, which it has from now on."""
        if part not in self.parts:
            number = len(self.parts)
            self.parts[part] = tuple(f"m{number}_{column}" for column in range(len(part.of_event)))
        return len(self.keys) + list(self.parts).index(part)

    def _of_events(self) -> Branch:
        query = self.plan.query
        columns = {_BUCKET: query.buckets.sql("timestamp")} if query.buckets else {}
        for place, column in enumerate(query.groups):
            sql, args = of_key(column, _UNNESTED if column.values is Values.TEXTS else column.sql, f"k{place}")
            columns[f"k{place}"] = sql
            self.args |= args
        for part, names in self.parts.items():
            columns |= zip(names, part.of_event, strict=True)
        counted = [query.datasource.counted]
        for place, filtered in enumerate(query.filters):
            counted.append(self._condition(place, filtered, filtered.column.sql))
        return Branch(EVENTS, columns, counted)

    def _of_rollup(self, table: Table, held: Sequence[tuple[str, ...]]) -> list[Branch]:
        """The hours, unless days cover everything, and the days when there are any."""
        places = [(table.name, "bucket")] * needs_hours(self.plan.split, self.runs)
        places += [(DAILY[table], START_OF_DAY)] * bool(self.runs)
        return [self._of_buckets(name, time, held) for name, time in places]

    def _of_buckets(self, table: str, time: str, held: Sequence[tuple[str, ...]]) -> Branch:
        query = self.plan.query
        columns = {_BUCKET: query.buckets.sql(time)} if query.buckets else {}
        columns |= {f"k{place}": str(column.held.value) for place, column in enumerate(query.groups)}
        counted = []
        for place, filtered in enumerate(query.filters):
            if filtered.column.values is Values.FLAG:
                held = [(_failed(filtered),)] * len(held)
            elif not leaves_concrete_models(filtered):
                counted.append(self._condition(place, filtered, str(filtered.column.held.value)))
        for names, expressions in zip(self.parts.values(), held, strict=True):
            columns |= zip(names, expressions, strict=True)
        return Branch(table, columns, counted)

    def _condition(self, place: int, filtered: Filter, sql: str) -> str:
        written, args = condition(filtered, sql, f"f{place}")
        self.args |= args
        return written


_UNNESTED = "arrayJoin(if(empty(teams), [NULL], arrayMap(team -> toNullable(team), arrayDistinct(teams))))"


def _failed(filtered: Filter) -> str:
    """How many calls of a row of the usage rollup the filter on failures leaves."""
    return "toUInt64(requests - success)" if filtered.value else "success"
