"""What do calls add up to, over a window and by some dimensions? One builder for every rollup.

The rows of the rollup's whole buckets and the events at the window's edges are brought to the same columns, and
aggregated together: an answer does not show where the one ends and the other begins.

Every name in the SQL is a constant of this package, and every value a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tokentide.store.port import Query
from tokentide.store.queries.branches import EVENTS, Branch, bounds, united
from tokentide.store.queries.sources import Source
from tokentide.store.queries.window import Origin, Window, split

__all__ = ["BUCKET", "Question", "Scope", "breakdowns", "parted", "quantile_breakdowns", "quantiles", "totals"]

BUCKET = "at"
"""As a dimension: the start of the time bucket, in seconds since the epoch."""

_MERGE = "quantilesTDigestWeightedArray"


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
    """A question about a window.

    Attributes:
        widened: whether the answer reaches past the window's edges, to whole buckets.
        origin: which tables are asked.
    """

    widened: bool = False
    origin: Origin = Origin.ROLLUPS


def totals(
    name: str,
    source: Source,
    scope: Scope,
    measures: Sequence[str],
    *,
    by: Sequence[str] = (),
    step_seconds: int = 3600,
) -> Question:
    """Ask for sums (of maxima: the maximum); rows are (*by, *measures), in the order of `by`.

    Args:
        name: what the question is called in metrics.
        source: the rollup.
        scope: whose calls, and when.
        measures: columns of the rollup.
        by: dimensions of the rollup, or `BUCKET`; without any, there is exactly one row.
        step_seconds: length of a `BUCKET`: a multiple of the rollup's own.
    """
    rows = _Rows.of(source, scope, [*by, *measures], step_seconds)
    return Question(name, rows.aggregated(by, _sums(measures)), rows.args, rows.widened, rows.origin)


def breakdowns(
    name: str,
    source: Source,
    scope: Scope,
    measures: Sequence[str],
    *,
    sets: Sequence[tuple[str, ...]],
    step_seconds: int = 3600,
) -> Question:
    """Ask as `totals` does, but by several sets of dimensions in one go; `parted` takes the rows apart."""
    rows = _Rows.of(source, scope, [*_names(sets), *measures], step_seconds)
    return Question(name, rows.broken_down(sets, _sums(measures)), rows.args, rows.widened, rows.origin)


def parted(sets: Sequence[tuple[str, ...]], rows: Sequence[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """The rows of `breakdowns` for each of its sets, in their order; a row is (*dimensions, *measures)."""
    names = _names(sets)
    parts = []
    for dimensions in sets:
        mark = sum(1 << place for place, name in enumerate(reversed(names)) if name not in dimensions)
        places = [1 + names.index(name) for name in dimensions]
        parts.append([(*(row[at] for at in places), *row[1 + len(names) :]) for row in rows if row[0] == mark])
    return parts


def quantiles(
    name: str, source: Source, scope: Scope, digest: str, *, levels: Sequence[float], by: Sequence[str] = ()
) -> Question:
    """Ask for quantiles of a digest; rows are (*by, [one value for each level]), NaN where there are no calls."""
    rows = _Rows.of(source, scope, [*by, *_columns(digest)], source.table.bucket_seconds)
    return Question(name, rows.aggregated(by, [_merged(digest, levels)]), rows.args, rows.widened, rows.origin)


def quantile_breakdowns(
    name: str,
    source: Source,
    scope: Scope,
    digest: str,
    *,
    levels: Sequence[float],
    sets: Sequence[tuple[str, ...]],
    step_seconds: int = 3600,
) -> Question:
    """Ask as `quantiles` does, but by several sets of dimensions in one go; `parted` takes the rows apart.

    Each digest is merged once, by all dimensions together, and what comes of that once more for each set.
    """
    names = _names(sets)
    rows = _Rows.of(source, scope, [*names, *_columns(digest)], step_seconds)
    merged = f"SELECT {', '.join(names)}, {_merged(digest, levels, 'State')} AS digests\n{rows.sql}"
    once = replace(rows, sql=f"FROM (\n{merged}\nGROUP BY {', '.join(names)}\n)")
    sql = once.broken_down(sets, [f"{_MERGE}Merge({', '.join(map(str, levels))})(digests)"])
    return Question(name, sql, rows.args, rows.widened, rows.origin)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A FROM clause with the columns of the rollup, for buckets and events alike, and its arguments."""

    sql: str
    args: dict[str, Any]
    widened: bool
    origin: Origin

    @classmethod
    def of(cls, source: Source, scope: Scope, columns: Sequence[str], step_seconds: int) -> _Rows:
        parts = split(scope.window, source.table.bucket_seconds, scope.events_from_ms)
        branches = [_of_buckets(source, scope, columns)]
        if parts.edges:
            branches.append(_of_events(source, scope, columns))
        args: dict[str, Any] = {"projects": list(scope.projects)}
        if BUCKET in columns:
            args["step"] = step_seconds
        args |= {f"only_{dimension}": value for dimension, value in scope.only.items()}
        args |= bounds(parts, branches)
        return cls(united(parts, branches), args, parts.widened, parts.origin)

    def aggregated(self, by: Sequence[str], aggregates: Sequence[str]) -> str:
        """The whole query."""
        selected = f"SELECT {', '.join([*by, *aggregates])}\n{self.sql}"
        return f"{selected}\nGROUP BY {', '.join(by)}\nORDER BY {_places(len(by))}" if by else selected

    def broken_down(self, sets: Sequence[tuple[str, ...]], aggregates: Sequence[str]) -> str:
        """The whole query, by several sets of dimensions."""
        names = _names(sets)
        selected = ", ".join([f"grouping({', '.join(names)})", *names, *aggregates])
        grouping = ", ".join(f"({', '.join(dimensions)})" for dimensions in sets)
        order = _places(1 + len(names))
        return f"SELECT {selected}\n{self.sql}\nGROUP BY GROUPING SETS ({grouping})\nORDER BY {order}"


def _of_buckets(source: Source, scope: Scope, columns: Sequence[str]) -> Branch:
    selected = {column: _bucket_of("bucket") if column == BUCKET else column for column in columns}
    only = [f"{dimension} = {{only_{dimension}:String}}" for dimension in scope.only]
    return Branch(source.table.name, selected, only)


def _of_events(source: Source, scope: Scope, columns: Sequence[str]) -> Branch:
    selected = {column: _bucket_of("timestamp") if column == BUCKET else source.of_event[column] for column in columns}
    only = [f"{source.of_event[dimension]} = {{only_{dimension}:String}}" for dimension in scope.only]
    return Branch(EVENTS, selected, [source.counted, *only])


def _bucket_of(time: str) -> str:
    """Integer arithmetic: toStartOfInterval begins anew at midnight."""
    return f"intDiv(toInt64(toUnixTimestamp({time})), {{step:Int64}}) * {{step:Int64}}"


def _sums(measures: Sequence[str]) -> list[str]:
    return [f"{'max' if measure.endswith('_max') else 'sum'}({measure})" for measure in measures]


def _columns(digest: str) -> list[str]:
    return [f"{digest}_means", f"{digest}_weights"]


def _merged(digest: str, levels: Sequence[float], combinator: str = "") -> str:
    return f"{_MERGE}{combinator}({', '.join(map(str, levels))})({', '.join(_columns(digest))})"


def _names(sets: Sequence[tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(name for dimensions in sets for name in dimensions))


def _places(count: int) -> str:
    return ", ".join(str(place) for place in range(1, count + 1))
