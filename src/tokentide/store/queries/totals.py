"""What do calls add up to, over a window and by some dimensions? One builder for every rollup.

The rows of the rollup's whole buckets and the events at the window's edges are brought to the same columns, and
aggregated together: an answer does not show where the one ends and the other begins.

Every name in the SQL is a constant of this package, and every value a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tokentide.store.days import DAILY
from tokentide.store.port import Query
from tokentide.store.queries.branches import EVENTS, START_OF_DAY, Branch, bounds, needs_hours, united
from tokentide.store.queries.days import DAY_SECONDS, NO_DAYS, SealedDays, are_worth_it
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
        by_days: the same question, which takes sealed days from the daily tables; None when these do not hold it.
    """

    widened: bool = False
    origin: Origin = Origin.ROLLUPS
    by_days: Callable[[SealedDays], Question] | None = field(default=None, compare=False, repr=False)


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
    asked = _Asked(name, source, scope, (*by, *measures), step_seconds)
    return asked.question(lambda rows: _aggregated(rows, by, _sums(measures)))


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
    asked = _Asked(name, source, scope, (*_names(sets), *measures), step_seconds)
    return asked.question(lambda rows: _broken_down(rows, sets, _sums(measures)))


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
    asked = _Asked(name, source, scope, (*by, *_columns(digest)), source.table.bucket_seconds)
    return asked.question(lambda rows: _aggregated(rows, by, [_merged(digest, levels)]))


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

    def write(rows: str) -> str:
        merged = f"SELECT {', '.join(names)}, {_merged(digest, levels, 'State')} AS digests\n{rows}"
        once = f"FROM (\n{merged}\nGROUP BY {', '.join(names)}\n)"
        return _broken_down(once, sets, [f"{_MERGE}Merge({', '.join(map(str, levels))})(digests)"])

    return _Asked(name, source, scope, (*names, *_columns(digest)), step_seconds).question(write)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a question is about: the columns of a rollup, for buckets, days and events alike."""

    name: str
    source: Source
    scope: Scope
    columns: tuple[str, ...]
    step_seconds: int

    def question(self, write: Callable[[str], str]) -> Question:
        """The question; `write` makes the whole query of its FROM clause."""
        by_hours = self._question(write, NO_DAYS)
        of_days = BUCKET not in self.columns or self.step_seconds % DAY_SECONDS == 0
        interior = split(self.scope.window, self.source.table.bucket_seconds, self.scope.events_from_ms).interior
        if self.source.table not in DAILY or not of_days or not are_worth_it(interior):
            return by_hours
        return replace(by_hours, by_days=lambda sealed: self._question(write, sealed))

    def _question(self, write: Callable[[str], str], sealed: SealedDays) -> Question:
        source, scope, columns = self.source, self.scope, self.columns
        parts = split(scope.window, source.table.bucket_seconds, scope.events_from_ms)
        runs = sealed.runs(parts.interior)
        branches = []
        if needs_hours(parts, runs):
            branches.append(_of_buckets(source.table.name, scope, columns, "bucket"))
        if runs:
            branches.append(_of_buckets(DAILY[source.table], scope, columns, START_OF_DAY))
        if parts.edges:
            branches.append(_of_events(source, scope, columns))
        args: dict[str, Any] = {"projects": list(scope.projects)}
        if BUCKET in columns:
            args["step"] = self.step_seconds
        args |= {f"only_{dimension}": value for dimension, value in scope.only.items()}
        args |= bounds(parts, branches, runs)
        return Question(self.name, write(united(parts, branches, runs)), args, parts.widened, parts.origin)


def _broken_down(rows: str, sets: Sequence[tuple[str, ...]], aggregates: Sequence[str]) -> str:
    names = _names(sets)
    selected = ", ".join([f"grouping({', '.join(names)})", *names, *aggregates])
    grouping = ", ".join(f"({', '.join(dimensions)})" for dimensions in sets)
    return f"SELECT {selected}\n{rows}\nGROUP BY GROUPING SETS ({grouping})\nORDER BY {_places(1 + len(names))}"


def _aggregated(rows: str, by: Sequence[str], aggregates: Sequence[str]) -> str:
    selected = f"SELECT {', '.join([*by, *aggregates])}\n{rows}"
    return f"{selected}\nGROUP BY {', '.join(by)}\nORDER BY {_places(len(by))}" if by else selected


def _of_buckets(table: str, scope: Scope, columns: Sequence[str], time: str) -> Branch:
    selected = {column: _bucket_of(time) if column == BUCKET else column for column in columns}
    only = [f"{dimension} = {{only_{dimension}:String}}" for dimension in scope.only]
    return Branch(table, selected, only)


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
