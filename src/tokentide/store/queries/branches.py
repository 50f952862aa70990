"""How do rows of several tables become the rows of one question? Each table is a branch; the branches are united.

Rollups are asked for the whole buckets of a window, daily ones for its sealed days, events for its edges. What is
computed over the united rows does not show where the one ends and the other begins.

Every name in the SQL is a constant of this package, and every value a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokentide.store.days import DAILY
from tokentide.store.queries.days import DAY_SECONDS, Run
from tokentide.store.queries.window import Split

__all__ = ["EVENTS", "START_OF_DAY", "Branch", "bounds", "needs_hours", "united"]

EVENTS = "events"
START_OF_DAY = "toDateTime(day, 'UTC')"
"""What `bucket` is in an hourly table, in a daily one."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one table.

    Attributes:
        table: its name.
        columns: what a row of the question has, by its name there: an expression over the table.
        counted: conditions on a row, all of which must hold.
    """

    table: str
    columns: Mapping[str, str]
    counted: Sequence[str] = ()


def united(parts: Split, branches: Sequence[Branch], runs: Sequence[Run] = ()) -> str:
    """A FROM clause with the rows of all branches; the names of the first branch are the names of all.

    The others have no aliases: one that is also a column of the table would replace it everywhere.
    """
    asked = [_asked(parts, branch, runs, named=place == 0) for place, branch in enumerate(branches)]
    return "FROM (\n" + "\nUNION ALL\n".join(asked) + "\n)"


def bounds(parts: Split, branches: Sequence[Branch], runs: Sequence[Run] = ()) -> dict[str, Any]:
    """The arguments that say when, for those branches that are there."""
    args: dict[str, Any] = {}
    if any(branch.table != EVENTS for branch in branches):
        for place, (begin, end) in enumerate(_gaps(parts, runs)):
            args |= {f"from{place or ''}": begin, f"to{place or ''}": end}
    if any(branch.table == EVENTS for branch in branches):
        for place, edge in enumerate(parts.edges):
            args |= {f"edge{place}_from": edge.start_ms, f"edge{place}_to": edge.end_ms}
    for place, run in enumerate(runs):
        args |= {f"run{place}_from": run.begin, f"run{place}_to": run.end}
        if run.partitions:
            args[f"run{place}_partitions"] = list(run.partitions)
    return args


def needs_hours(parts: Split, runs: Sequence[Run]) -> bool:
    """Whether hourly rows are needed beside the runs."""
    return bool(_gaps(parts, runs)) or any(run.partitions for run in runs)


def _gaps(parts: Split, runs: Sequence[Run]) -> list[tuple[int, int]]:
    """What of the interior lies in no run, in seconds since the epoch; there is at least one when there are no runs."""
    ends = [parts.interior.start_ms // 1000, *(run.end * DAY_SECONDS for run in runs)]
    begins = [*(run.begin * DAY_SECONDS for run in runs), parts.interior.end_ms // 1000]
    return [gap for gap in zip(ends, begins, strict=True) if gap[0] < gap[1] or not runs]


def _asked(parts: Split, branch: Branch, runs: Sequence[Run], *, named: bool) -> str:
    selected = [f"{sql} AS {name}" if named and sql != name else sql for name, sql in branch.columns.items()]
    if branch.table == EVENTS:
        when = _in_edges(len(parts.edges))
    elif branch.table in _DAILY:
        when = f"({' OR '.join(_in_run(place, run) for place, run in enumerate(runs))})"
    else:
        when = _in_hours(parts, runs)
    return (
        f"SELECT {', '.join(selected)}\n"
        f"FROM {branch.table} FINAL\n"
        f"WHERE project_id IN {{projects:Array(String)}} AND {' AND '.join([when, *branch.counted])}"
    )


_DAILY = frozenset(DAILY.values())
_OF_DAY = "day >= toDate(toUInt16({{run{place}_from:UInt32}})) AND day < toDate(toUInt16({{run{place}_to:UInt32}}))"
_OF_OTHERS = (
    "(bucket >= toDateTime({{run{place}_from:UInt32}} * 86400, 'UTC') "
    "AND bucket < toDateTime({{run{place}_to:UInt32}} * 86400, 'UTC') "
    "AND partition NOT IN {{run{place}_partitions:Array(UInt16)}})"
)
_BETWEEN = "bucket >= toDateTime({{from{place}:UInt32}}, 'UTC') AND bucket < toDateTime({{to{place}:UInt32}}, 'UTC')"


def _in_run(place: int, run: Run) -> str:
    of_partitions = f" AND partition IN {{run{place}_partitions:Array(UInt16)}}" if run.partitions else ""
    return f"({_OF_DAY.format(place=place)}{of_partitions})"


def _in_hours(parts: Split, runs: Sequence[Run]) -> str:
    """Everything but the runs, as intervals: what the index of a table can skip by."""
    found = [_BETWEEN.format(place=place or "") for place in range(len(_gaps(parts, runs)))]
    found += [_OF_OTHERS.format(place=place) for place, run in enumerate(runs) if run.partitions]
    return found[0] if len(found) == 1 else f"({' OR '.join(f'({each})' for each in found)})"


def _in_edges(edges: int) -> str:
    inside = " OR ".join(
        f"timestamp >= fromUnixTimestamp64Milli({{edge{place}_from:Int64}}, 'UTC') "
        f"AND timestamp < fromUnixTimestamp64Milli({{edge{place}_to:Int64}}, 'UTC')"
        for place in range(edges)
    )
    return f"({inside})"
