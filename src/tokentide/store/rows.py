"""How the fold's rows reach the store, and how they come back: pure grouping, and the questions of the worker.

Rows of one table and month go into one insert, which the store then takes or leaves as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tokentide.events import DecodedEvent
from tokentide.rollups import EventRows, Place, Position, RowState, Snapshot, Table, month_of
from tokentide.store.port import Query, Store

__all__ = [
    "EVENT_COLUMNS",
    "Batch",
    "Inserts",
    "Progress",
    "batches",
    "columns_of",
    "read_between",
    "read_places",
    "read_progress",
    "read_rows",
    "write",
    "write_progress",
]

_NOT_STORED = frozenset({"timestamp", "cost_usd", "cost_ceiling_usd", "potential_cost_savings", "tags"})
EVENT_COLUMNS = tuple(name for name in DecodedEvent.__struct_fields__ if name not in _NOT_STORED)
"""Columns of the events table that an insert names: what the decoder computed from a text, not the text itself."""

_PROGRESS = (
    "topic",
    "partition",
    "position",
    "log_time_ms",
    "record_time_ms",
    "record_hash",
    "through_ms",
    "epoch",
    "version",
)
_AT_ONCE = 5000
_EPOCH_SHIFT = 48
_NEVER = -(2**63)
_LAST_SECOND = 2**32 - 1  # of a DateTime; a wrong clock of the topic's producers may put log time later


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows for one insert: columns of values, or JSON lines for the events table."""

    table: str
    month: int
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    lines: bytes = b""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition is stored, and the log time up to which that is everything (milliseconds)."""

    partition: int
    position: Position
    through_ms: int


def columns_of(table: Table) -> tuple[str, ...]:
    """The columns of a rollup table, in the order in which rows are written and read."""
    return (*table.key, "partition", *table.measures, "version")


class Inserts:
    """Collects what stores snapshots: one insert for each table and month, whatever partitions the rows are from."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Table, int], list[tuple[Any, ...]]] = {}
        self._events: dict[int, list[EventRows]] = {}

    def add(self, snapshot: Snapshot) -> Iterator[None]:
        """Take a snapshot's rows, a piece of them with each step."""
        partition = snapshot.partition
        for number, (bucket, row) in enumerate(snapshot.rows, 1):
            place = bucket.table, month_of(int(row.key[1]) * 1000)
            self._rows.setdefault(place, []).append((*row.key, partition, *row.values, row.version))
            if number % _AT_ONCE == 0:
                yield
        for events in snapshot.events:
            self._events.setdefault(events.month, []).append(events)
        yield

    def batches(self) -> list[Batch]:
        """The inserts."""
        made = [
            Batch(table.name, month, columns_of(table), rows, count=len(rows))
            for (table, month), rows in self._rows.items()
        ]
        for month, parts in self._events.items():
            lines = b"".join(part.lines for part in parts)
            made.append(Batch("events", month, EVENT_COLUMNS, [], lines, sum(part.count for part in parts)))
        return made


def batches(snapshots: Iterable[Snapshot]) -> list[Batch]:
    """The inserts that store the snapshots."""
    inserts = Inserts()
    for snapshot in snapshots:
        for _ in inserts.add(snapshot):
            pass
    return inserts.batches()


def write(store: Store, batch: Batch) -> None:
    """Insert one batch; see `Store.insert` for what an error means."""
    if batch.lines:
        store.insert_json(batch.table, batch.columns, batch.lines)
    else:
        store.insert(batch.table, batch.columns, list(zip(*batch.rows, strict=True)))


def write_progress(store: Store, topic: str, entries: Sequence[Progress]) -> None:
    """Record how far partitions are stored. Every row below the positions must have been acknowledged before."""
    rows = [
        (
            topic,
            entry.partition,
            entry.position.offset,
            _NEVER if entry.position.log_time_ms is None else entry.position.log_time_ms,
            entry.position.record_time_ms,
            entry.position.record_hash,
            entry.through_ms,
            entry.position.epoch,
            entry.position.epoch << _EPOCH_SHIFT | entry.position.offset,
        )
        for entry in entries
    ]
    store.insert("progress", _PROGRESS, list(zip(*rows, strict=True)))


def read_progress(store: Store, topic: str) -> Mapping[int, Progress]:
    """How far each partition of the topic is stored, by its number; a partition that was never stored is absent."""
    query = Query(
        "progress",
        "SELECT partition, position, log_time_ms, record_time_ms, record_hash, through_ms, epoch "
        "FROM progress FINAL WHERE topic = {topic:String}",
        {"topic": topic},
    )
    found = {}
    for partition, offset, log_time_ms, record_time_ms, record_hash, through_ms, epoch in store.ask(query):
        log_time = None if log_time_ms == _NEVER else log_time_ms
        position = Position(offset, log_time, record_time_ms, record_hash, epoch)
        found[partition] = Progress(partition, position, through_ms)
    return found


def read_rows(store: Store, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
    """Every row of a partition whose bucket begins at or after the floor; without a floor, every row."""
    floor_seconds = 0 if floor_ms is None else min(max(0, -(-floor_ms // 1000)), _LAST_SECOND)
    condition = "bucket >= toDateTime({floor:UInt32}, 'UTC')"
    return _ask_rows(store, table, partition, condition, {"floor": floor_seconds})


def read_between(store: Store, table: Table, partition: int, begin: int, end: int) -> list[RowState]:
    """Every row of a partition whose bucket begins in a half-open interval, in seconds since the epoch."""
    condition = "bucket >= toDateTime({begin:UInt32}, 'UTC') AND bucket < toDateTime({end:UInt32}, 'UTC')"
    return _ask_rows(store, table, partition, condition, {"begin": begin, "end": end})


def read_places(store: Store, table: Table, partition: int, places: Iterable[Place]) -> list[RowState]:
    """Every row of a partition that belongs to one of the given projects and intervals."""
    wanted = set(places)
    condition = "project_id IN {projects:Array(String)} AND toUInt32(bucket) IN {buckets:Array(UInt32)}"
    args = {"projects": sorted({project for project, _ in wanted}), "buckets": sorted({begin for _, begin in wanted})}
    return [row for row in _ask_rows(store, table, partition, condition, args) if row.key[:2] in wanted]


def _ask_rows(store: Store, table: Table, partition: int, condition: str, args: Mapping[str, Any]) -> list[RowState]:
    selected = ["toUInt32(bucket)" if name == "bucket" else name for name in (*table.key, *table.measures, "version")]
    query = Query(
        f"read_back_{table.name}",
        f"SELECT {', '.join(selected)} FROM {table.name} FINAL "  # noqa: S608  names from constants
        f"WHERE partition = {{partition:UInt16}} AND {condition}",
        {"partition": partition, **args},
    )
    width = len(table.key)
    return [RowState(tuple(row[:width]), tuple(row[width:-1]), row[-1]) for row in store.ask(query)]
