"""How are daily rows made of hourly ones, and where does it stand of which days that was done?

A daily row's version is the sum of its hours' versions: whatever hour moves on, the day does, so rows of equal versions
are equal. (With the highest of them, a day of some of the hours and one of all could have the same.) A day that was
rebuilt by hand may have a lower sum than before: the high bits of its version count how often that was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tokentide.rollups import LATENCY, USAGE, Table
from tokentide.rollups.days import DAY_SECONDS, DayMark
from tokentide.rollups.sketch import EXACT_UP_TO
from tokentide.store.port import Query, Store

__all__ = [
    "DAILY",
    "VERSION",
    "build_day",
    "building",
    "first_day",
    "measures_of_day",
    "read_marks",
    "write_marks",
]

DAILY = {USAGE: "usage_1d", LATENCY: "latency_1d"}
"""The rollups that have daily rows, and where these are."""

VERSION = "sum(toUInt128(version))"

REBUILDS_SHIFT = 96
_CELLS = 250  # as `rollups.sketch` has them
_FLOATS = frozenset({"quality_sum", "complexity_sum"})
_MARKS = ("partition", "day", "position", "turn", "version")
_TURN_BITS = 16
_OF_DAY = (
    "partition IN {partitions:Array(UInt16)} AND bucket >= toDateTime({day:UInt32} * 86400, 'UTC') "
    "AND bucket < toDateTime(({day:UInt32} + 1) * 86400, 'UTC')"
)


def building(table: Table, day: int, partitions: Collection[int], *, rebuilt: bool = False) -> Query:
    """The statement that makes the daily rows of some partitions, as the hourly rows are when it reads them.

    Args:
        table: the hourly rollup.
        day: in days since the epoch, UTC.
        partitions: whose rows.
        rebuilt: hourly rows were put right: what is made now outvotes all daily rows of before.
    """
    daily, key = DAILY[table], [name for name in table.key if name != "bucket"]
    measures = measures_of_day(table)
    version = f"{_rebuilds(daily)} + version_of_day"
    inner = [*key, "partition", *measures.values(), f"{VERSION} AS version_of_day"]
    outer = _digests() if table is LATENCY else list(measures)
    sql = (
        f"INSERT INTO {daily} ({', '.join([*key, 'day', 'partition', *table.measures, 'version'])})\n"
        f"SELECT {', '.join([*key, 'toDate(toUInt16({day:UInt32}))', 'partition', *outer, version])}\n"
        f"FROM (\nSELECT {', '.join(inner)}\nFROM {table.name} FINAL\nWHERE {_OF_DAY}\n"
        f"GROUP BY {', '.join([*key, 'partition'])}\n)"
    )
    return Query(f"build_{daily}", sql, {"day": day, "partitions": sorted(partitions), "rebuilt": int(rebuilt)})


def build_day(store: Store, day: int, partitions: Collection[int], *, rebuilt: bool = False) -> None:
    """Make the daily rows of all tables; when it returns, they are on disk."""
    for table in DAILY:
        store.change(building(table, day, partitions, rebuilt=rebuilt))


def measures_of_day(table: Table) -> dict[str, str]:
    """By its name, each column of a day as an aggregate over its hours."""
    if table is LATENCY:
        return {name: f"{_centroids(name)} AS {name}" for name in ("latency", "ttft")}
    return {f"{name}_of_day": f"{_added(name)} AS {name}_of_day" for name in table.measures}


def read_marks(store: Store, partitions: Iterable[int]) -> list[DayMark]:
    """The mark that counts, of every day of the partitions that has one."""
    query = Query(
        "day_marks",
        "SELECT partition, toUInt16(day), position, turn FROM days FINAL WHERE partition IN {partitions:Array(UInt16)}",
        {"partitions": sorted(partitions)},
    )
    return [DayMark(*row) for row in store.ask(query)]


def write_marks(store: Store, marks: Sequence[DayMark]) -> None:
    """Write marks; when it returns, everyone sees them."""
    rows = [
        (mark.partition, mark.day, mark.position, mark.turn, mark.position << _TURN_BITS | mark.turn) for mark in marks
    ]
    store.insert("days", _MARKS, list(zip(*rows, strict=True)))


def first_day(store: Store) -> int | None:
    """The first day that has an hourly row; None without any."""
    rows = store.ask(Query("first_day", "SELECT toUInt32(min(bucket)) FROM usage_1h HAVING count() > 0"))
    return int(rows[0][0]) // DAY_SECONDS if rows else None


def _rebuilds(daily: str) -> str:
    """How often the day was rebuilt, in the place where versions have it."""
    before = (
        f"SELECT max(bitShiftRight(version, {REBUILDS_SHIFT})) FROM {daily} "  # noqa: S608  a constant
        "WHERE day = toDate(toUInt16({day:UInt32})) AND partition IN {partitions:Array(UInt16)}"
    )
    return f"bitShiftLeft(toUInt128(ifNull(({before}), 0) + {{rebuilt:UInt8}}), {REBUILDS_SHIFT})"


def _added(name: str) -> str:
    """A measure of a day; floats are added in the order of the hours, so that it comes to the same every time."""
    if name in _FLOATS:
        return f"arraySum(arrayMap(hour -> hour.2, arraySort(groupArray((bucket, {name})))))"
    return f"{'max' if name.endswith('_max') else 'sum'}({name})"


def _centroids(digest: str) -> str:
    """The centroids of all hours, in the order of their means."""
    return f"arraySort(groupArrayArray(arrayZip({digest}_means, {digest}_weights)))"


def _digests() -> list[str]:
    """Means and weights of both digests, out of centroids in order, cut into cells as the fold does it."""
    columns: list[Any] = []
    for name in ("latency", "ttft"):
        total = f"arraySum(centroid -> centroid.2, {name})"
        rank = f"(through - centroid.2 / 2) / {total}"
        cell = f"toUInt64({_CELLS} - floor({_CELLS} * sqrt(1 - {rank})))"
        through = f"arrayCumSum(centroid -> centroid.2, {name})"
        cells = f"arrayMap((centroid, through) -> [{cell}], {name}, {through})"
        alone = f"arrayMap(place -> [toUInt64(place)], arrayEnumerate({name}))"
        merged = (
            f"arrayReduce('sumMap', if({total} <= {EXACT_UP_TO}, {alone}, {cells}), "
            f"arrayMap(centroid -> [centroid.1 * toFloat64(centroid.2)], {name}), "
            f"arrayMap(centroid -> [toUInt64(centroid.2)], {name}))"
        )
        columns += [
            f"arrayMap((total, weight) -> toFloat32(total / weight), ({merged} AS {name}_merged).2, {name}_merged.3)",
            f"arrayMap(weight -> toUInt32(weight), {name}_merged.3)",
        ]
    return columns
