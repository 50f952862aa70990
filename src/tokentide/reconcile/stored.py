"""What does the store hold of one partition and some hours, and how are its rows put right?

Rows that the fold cannot outvote, because their version is too high or because there should be none, are deleted: each
by its whole key and its exact version, so that a row which a worker stores meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tokentide.reconcile.counting import TOLD
from tokentide.reconcile.sieve import Rows
from tokentide.reconcile.span import Span
from tokentide.rollups import TABLES, EventRows, RowState, Table, month_of
from tokentide.store.port import Query, Store
from tokentide.store.rows import EVENT_COLUMNS, Batch, columns_of, read_between, write

__all__ = ["EventPlace", "Stored", "Sums"]

Sums = dict[tuple[str, int], tuple[Mapping[str, int], int]]
"""What rows add up to, by table and hour, with the highest version among them."""

_OF_BUCKETS = (
    "partition = {partition:UInt16} AND bucket >= toDateTime({begin:UInt32}, 'UTC') "
    "AND bucket < toDateTime({end:UInt32}, 'UTC')"
)
_OF_SPAN = (
    "timestamp >= fromUnixTimestamp64Milli({begin:Int64}, 'UTC') "
    "AND timestamp < fromUnixTimestamp64Milli({end:Int64}, 'UTC')"
)
_OF_LOG = "log_partition = {partition:UInt16} AND log_offset >= {first:UInt64} AND log_offset < {through:UInt64}"


class EventPlace(NamedTuple):
    """The key of an event's row but for the partition: offset with its epoch, place in the record, project, time."""

    offset: int
    place: int
    project_id: str
    time_ms: int


class Stored:
    """The rows of one partition. Every method blocks.

    Args:
        store: where they are.
        partition: whose rows.
        first: the lowest offset of this life of the topic, with its epoch.
        through: the position, with its epoch.
    """

    def __init__(self, store: Store, partition: int, first: int, through: int) -> None:
        self._store = store
        self._partition = partition
        self._first = first
        self._through = through

    def size(self, span: Span) -> tuple[int, int]:
        """How many rows of the rollups there are, and an hour that about half of them lie before."""
        selected = "SELECT count(), quantileExact(0.5)(toUInt32(bucket))"
        sql = " UNION ALL ".join(f"{selected} FROM {table.name} WHERE {_OF_BUCKETS}" for table in TABLES)
        sizes = sorted(self._store.ask(Query("row_counts", sql, self._of_buckets(span))))
        return sum(count for count, _ in sizes), sizes[-1][1] // 3600 * 3600

    def rows(self, span: Span) -> Rows:
        """Every row of the rollups."""
        found = {t: read_between(self._store, t, self._partition, *span) for t in TABLES}
        return {(table, row.key): row for table, rows in found.items() for row in rows}

    def sums(self, span: Span, *, events: Span) -> Sums:
        """What the rows add up to, hour by hour, as plain SQL tells; of events those below the position."""
        found: Sums = {}
        hour = "intDiv(toUInt32(bucket), 3600) * 3600 AS hour"
        for table in TABLES:
            told = TOLD[table.name]
            sql = (
                f"SELECT {hour}, {', '.join(told.values())}, max(version) FROM {table.name} FINAL "  # noqa: S608  constants
                f"WHERE {_OF_BUCKETS} GROUP BY hour"
            )
            for at, *values, version in self._store.ask(Query(f"sums_{table.name}", sql, self._of_buckets(span))):
                found[table.name, at] = dict(zip(told, values, strict=True)), version
        if not events.empty:
            found |= self._sums_of_events(events)
        return found

    def event_places(self, span: Span) -> set[EventPlace]:
        """Where the stored events below the position stand."""
        query = Query(
            "event_places",
            "SELECT log_offset, log_index, project_id, toUnixTimestamp64Milli(timestamp) FROM events FINAL "  # noqa: S608
            f"WHERE {_OF_LOG} AND {_OF_SPAN}",
            self._of_log(span),
        )
        return {EventPlace(*row) for row in self._store.ask(query)}

    def delete(self, table: Table, row: RowState) -> None:
        """Delete the row of this key and this version, and no other."""
        condition = " AND ".join(_equals(name) for name in (*table.key, "partition", "version"))
        args = dict(zip(table.key, row.key, strict=True)) | {"partition": self._partition, "version": row.version}
        sql = f"ALTER TABLE {table.name} DELETE WHERE {condition} SETTINGS mutations_sync = 2"
        self._store.change(Query(f"delete_{table.name}", sql, args))

    def delete_event(self, place: EventPlace) -> None:
        """Delete the event that stands there."""
        sql = (
            "ALTER TABLE events DELETE WHERE project_id = {project_id:String} "
            "AND timestamp = fromUnixTimestamp64Milli({time_ms:Int64}, 'UTC') AND log_partition = {partition:UInt16} "
            "AND log_offset = {offset:UInt64} AND log_index = {place:UInt16} SETTINGS mutations_sync = 2"
        )
        self._store.change(Query("delete_event", sql, {"partition": self._partition, **place._asdict()}))

    def insert(self, rows: Iterable[tuple[Table, RowState]]) -> None:
        """Insert rows; of equal versions the last inserted one counts."""
        batches: dict[tuple[Table, int], list[tuple[Any, ...]]] = {}
        for table, row in rows:
            values = (*row.key, self._partition, *row.values, row.version)
            batches.setdefault((table, month_of(int(row.key[1]) * 1000)), []).append(values)
        for (table, month), values_ in batches.items():
            write(self._store, Batch(table.name, month, columns_of(table), values_, count=len(values_)))

    def insert_events(self, events: Sequence[EventRows]) -> None:
        """Insert rows of the events table."""
        for rows in events:
            write(self._store, Batch("events", rows.month, EVENT_COLUMNS, [], rows.lines))

    def _sums_of_events(self, span: Span) -> Sums:
        told = TOLD["events"]
        hour = "intDiv(toUnixTimestamp64Milli(timestamp), 3600000) * 3600 AS hour"
        sql = (
            f"SELECT {hour}, {', '.join(told.values())} FROM events FINAL "  # noqa: S608  constants
            f"WHERE {_OF_LOG} AND {_OF_SPAN} GROUP BY hour"
        )
        rows = self._store.ask(Query("sums_events", sql, self._of_log(span)))
        return {("events", int(at)): (dict(zip(told, values, strict=True)), 0) for at, *values in rows}

    def _of_buckets(self, span: Span) -> dict[str, int]:
        return {"partition": self._partition, "begin": span.begin, "end": span.end}

    def _of_log(self, span: Span) -> dict[str, int]:
        times = {"begin": span.begin * 1000, "end": span.end * 1000}
        return {"partition": self._partition, "first": self._first, "through": self._through} | times


def _equals(name: str) -> str:
    if name == "bucket":
        return "bucket = toDateTime({bucket:UInt32}, 'UTC')"
    types = {"partition": "UInt16", "version": "UInt64"}
    return f"{name} = {{{name}:{types.get(name, 'String')}}}"
