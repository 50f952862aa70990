"""How are daily rows made of hourly ones, and where does it stand of which days that was done?

A daily row's version is the sum of its hours' versions: whatever hour moves on, the day does, so rows of equal versions
are equal. (With the highest of them, a day of some of the hours and one of all could have the same.) A day that was
rebuilt by hand may have a lower sum than before: the high bits of its version count how often that was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tokentide.rollups import LATENCY, USAGE, RowState, Table
from tokentide.rollups.days import DAY_SECONDS, DayMark
from tokentide.rollups.sketch import EXACT_UP_TO
from tokentide.store.port import Query, Store

__all__ = [
    "DAILY",
    "VERSION",
    "build_day",
    "building",
    "day_of_hours",
    "day_rows",
    "delete_older",
    "first_day",
    "read_marks",
    "write_marks",
]

DAILY = {USAGE: "usage_1d", LATENCY: "latency_1d"}
"""The rollups that have daily rows, and where these are."""

VERSION = "sum(toUInt128(version))"

_REBUILDS_SHIFT = 96
_CELLS = 250  # as `rollups.sketch` has them
_FLOATS = frozenset({"quality_sum", "complexity_sum"})
_MARKS = ("partition", "day", "position", "turn", "version")
_TURN_BITS = 16
_OF_DAY = (
    "partition IN {partitions:Array(UInt16)} AND bucket >= toDateTime({day:UInt32} * 86400, 'UTC') "
    "AND bucket < toDateTime(({day:UInt32} + 1) * 86400, 'UTC')"
)
_IN_DAY = "day = toDate(toUInt16({day:UInt32})) AND partition IN {partitions:Array(UInt16)}"


def building(table: Table, day: int, partitions: Collection[int], *, rebuilt: bool = False) -> Query:
    """The statement that makes the daily rows of some partitions, as the hourly rows are when it reads them.

    Args:
        table: the hourly rollup.
        day: in days since the epoch, UTC.
        partitions: whose rows.
        rebuilt: hourly rows were put right: what is made now outvotes all daily rows of before.
    """
    daily = DAILY[table]
    columns = [*_key(table), "partition", *table.measures, "day", "version"]
    selected = _added_up(table, ["toDate(toUInt16({day:UInt32}))", f"{_rebuilds(daily)} + version_of_day"])
    sql = f"INSERT INTO {daily} ({', '.join(columns)})\n{selected}"
    return Query(f"build_{daily}", sql, {"day": day, "partitions": sorted(partitions), "rebuilt": int(rebuilt)})


def build_day(store: Store, day: int, partitions: Collection[int], *, rebuilt: bool = False) -> None:
    """Make the daily rows of all tables; when it returns, they are on disk."""
    for table in DAILY:
        store.change(building(table, day, partitions, rebuilt=rebuilt))


def day_of_hours(store: Store, table: Table, day: int, partition: int) -> list[RowState]:
    """The rows that a day's hours come to now; in the place of the bucket stands the start of the day."""
    sql = _added_up(table, ["version_of_day"])
    return _states(
        table, day, store.ask(Query(f"hours_of_{DAILY[table]}", sql, {"day": day, "partitions": [partition]}))
    )


def day_rows(store: Store, table: Table, day: int, partition: int) -> list[RowState]:
    """The daily rows as they are; in the place of the bucket stands the start of the day."""
    selected = ", ".join([*_key(table), "partition", *table.measures, "version"])
    sql = f"SELECT {selected} FROM {DAILY[table]} FINAL WHERE {_IN_DAY}"  # noqa: S608  names from constants
    args = {"day": day, "partitions": [partition]}
    return _states(table, day, store.ask(Query(f"rows_of_{DAILY[table]}", sql, args)))


def delete_older(store: Store, day: int, partition: int) -> None:
    """Delete the daily rows that the last rebuild of a day did not make again, for their hours are no more."""
    for daily in DAILY.values():
        newest = f"(SELECT max(bitShiftRight(version, {_REBUILDS_SHIFT})) FROM {daily} WHERE {_IN_DAY})"  # noqa: S608
        rebuilds = store.ask(Query("rebuilds", f"SELECT ifNull({newest}, 0)", {"day": day, "partitions": [partition]}))
        older = f"bitShiftRight(version, {_REBUILDS_SHIFT}) < {{rebuilds:UInt32}}"
        sql = f"ALTER TABLE {daily} DELETE WHERE {_IN_DAY} AND {older} SETTINGS mutations_sync = 2"
        args = {"day": day, "partitions": [partition], "rebuilds": rebuilds[0][0]}
        store.change(Query(f"delete_older_{daily}", sql, args))


def _measures_of_day(table: Table) -> dict[str, str]:
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


def _key(table: Table) -> list[str]:
    return [name for name in table.key if name != "bucket"]


def _added_up(table: Table, more: Sequence[str]) -> str:
    """Key, partition and measures of the day's rows, out of the hours, and more columns."""
    key, measures = [*_key(table), "partition"], _measures_of_day(table)
    inner = [*key, *measures.values(), f"{VERSION} AS version_of_day"]
    outer = [*key, *(_digests() if table is LATENCY else measures), *more]
    return (
        f"SELECT {', '.join(outer)}\nFROM (\nSELECT {', '.join(inner)}\nFROM {table.name} FINAL\n"
        f"WHERE {_OF_DAY}\nGROUP BY {', '.join(key)}\n)"
    )


def _states(table: Table, day: int, rows: Iterable[tuple[Any, ...]]) -> list[RowState]:
    width, place = len(_key(table)), table.key.index("bucket")
    return [
        RowState((*row[:place], day * DAY_SECONDS, *row[place:width]), tuple(row[width + 1 : -1]), row[-1])
        for row in rows
    ]


def _rebuilds(daily: str) -> str:
    """How often the day was rebuilt, in the place where versions have it."""
    before = (
        f"SELECT max(bitShiftRight(version, {_REBUILDS_SHIFT})) FROM {daily} "  # noqa: S608  a constant
        f"WHERE {_IN_DAY}"
    )
    return f"bitShiftLeft(toUInt128(ifNull(({before}), 0) + {{rebuilt:UInt8}}), {_REBUILDS_SHIFT})"


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
