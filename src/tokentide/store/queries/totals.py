"""What do calls add up to, over a window and by some dimensions? One builder for every rollup.

The rows of the rollup's whole buckets and the events at the window's edges are brought to the same columns, and
aggregated together: an answer does not show where the one ends and the other begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokentide.store.port import Query
from tokentide.store.queries.sources import Source
from tokentide.store.queries.window import Window, split

__all__ = ["BUCKET", "Question", "Scope", "quantiles", "totals"]

BUCKET = "bucket"
"""As a dimension: the start of the time bucket, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls, and when.

    Attributes:
        projects: their ids.
        window: in event time.
        events_from_ms: since when the events table holds every event; `NO_EVENTS` without one.
        only: dimension → the one value that counts.
    """

    projects: tuple[str, ...]
    window: Window
    events_from_ms: int
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question(Query):
    """A question about a window; `widened` says that the answer reaches past its edges, to whole buckets."""

    widened: bool = False


def totals(
    name: str,
    source: Source,
    scope: Scope,
    measures: Sequence[str],
    *,
    by: Sequence[str] = (),
    step_seconds: int = 3600,
) -> Question:
    """Ask for the sum (of maxima: the maximum) of measures; rows are (*by, *measures), in the order of `by`.

    Args:
        name: what the question is called in metrics.
        source: the rollup.
        scope: whose calls, and when.
        measures: columns of the rollup.
        by: dimensions of the rollup, or `BUCKET`; without any, there is exactly one row.
        step_seconds: length of a `BUCKET`: a multiple of the rollup's own.
    """
    aggregates = [f"{'max' if measure.endswith('_max') else 'sum'}({measure})" for measure in measures]
    return _question(name, source, scope, columns=measures, aggregates=aggregates, by=by, step_seconds=step_seconds)


def quantiles(
    name: str, source: Source, scope: Scope, digest: str, *, levels: Sequence[float], by: Sequence[str] = ()
) -> Question:
    """Ask for quantiles of a digest; rows are (*by, [one value for each level]), NaN where there are no calls."""
    columns = [f"{digest}_means", f"{digest}_weights"]
    merged = f"quantilesTDigestWeightedArray({', '.join(map(str, levels))})({', '.join(columns)})"
    step_seconds = source.table.bucket_seconds
    return _question(name, source, scope, columns=columns, aggregates=[merged], by=by, step_seconds=step_seconds)


def _question(
    name: str,
    source: Source,
    scope: Scope,
    *,
    columns: Sequence[str],
    aggregates: Sequence[str],
    by: Sequence[str],
    step_seconds: int,
) -> Question:
    parts = split(scope.window, source.table.bucket_seconds, scope.events_from_ms)
    taken = [*(dimension for dimension in by if dimension != BUCKET), *columns]
    args: dict[str, Any] = {"projects": list(scope.projects), **{f"only_{k}": v for k, v in scope.only.items()}}
    branches = [_buckets(source, scope, taken, parts.interior, args)]
    if parts.edges:
        branches.append(_events(source, scope, taken, parts.edges, args))
    keys = list(by)
    if BUCKET in by:
        args["step"] = step_seconds
        keys[keys.index(BUCKET)] = "intDiv(at, {step:Int64}) * {step:Int64}"
    places = ", ".join(str(place) for place in range(1, len(keys) + 1))
    ending = f"\nGROUP BY {', '.join(keys)}\nORDER BY {places}" if keys else ""
    rows = "\nUNION ALL\n".join(branches)
    # Every name in the text is a constant of this package; values are parameters.
    sql = f"SELECT {', '.join([*keys, *aggregates])}\nFROM (\n{rows}\n){ending}"
    return Question(name, sql, args, parts.widened)


def _buckets(source: Source, scope: Scope, columns: Sequence[str], interior: Window, args: dict[str, Any]) -> str:
    """The rollup's rows. First of the branches, so that its plain column names are the names of all."""
    args["from"], args["to"] = interior.start_ms // 1000, interior.end_ms // 1000
    only = "".join(f" AND {dimension} = {{only_{dimension}:String}}" for dimension in scope.only)
    return (
        f"SELECT toInt64(toUnixTimestamp(bucket)) AS at, {', '.join(columns)}\n"
        f"FROM {source.table.name} FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')" + only
    )


def _events(source: Source, scope: Scope, columns: Sequence[str], edges: Sequence[Window], args: dict[str, Any]) -> str:
    """Rows from events. No expression has an alias here: one that is also a column would replace it everywhere."""
    for place, edge in enumerate(edges):
        args[f"edge{place}_from"], args[f"edge{place}_to"] = edge.start_ms, edge.end_ms
    inside = " OR ".join(
        f"timestamp >= fromUnixTimestamp64Milli({{edge{place}_from:Int64}}, 'UTC') "
        f"AND timestamp < fromUnixTimestamp64Milli({{edge{place}_to:Int64}}, 'UTC')"
        for place in range(len(edges))
    )
    only = "".join(f" AND {source.of_event[dimension]} = {{only_{dimension}:String}}" for dimension in scope.only)
    return (
        "SELECT toInt64(toUnixTimestamp(timestamp)), "
        f"{', '.join(source.of_event[column] for column in columns)}\n"
        "FROM events FINAL\n"
        f"WHERE project_id IN {{projects:Array(String)}} AND ({inside}) AND {source.counted}" + only
    )
