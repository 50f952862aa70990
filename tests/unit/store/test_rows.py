"""The worker's rows on their way to the store and back: how they are grouped, and what is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import AT_MS, HOUR_MS, an_event, numbered_id, record
from tests.fakes import FakeRecord
from tests.strategies import EDGES, documents, render
from tokentide.events import Limits, decode, read_stretch
from tokentide.rollups import TABLES, FoldSettings, PartitionState, Position, RowState
from tokentide.rollups.tables import ERRORS, LATENCY, RATE_LIMITS, USAGE
from tokentide.store.port import Query
from tokentide.store.rows import (
    EVENT_COLUMNS,
    Progress,
    batches,
    columns_of,
    read_places,
    read_progress,
    read_rows,
    write,
    write_progress,
)

DAY_MS = 24 * HOUR_MS
PARTITIONS = count()


@dataclass
class RecordingStore:
    """Remembers what it was told, and answers every question with the same rows."""

    answer: list[tuple[Any, ...]] = field(default_factory=list)
    inserted: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = field(default_factory=list)
    inserted_json: list[tuple[str, tuple[str, ...], bytes]] = field(default_factory=list)
    asked: list[Query] = field(default_factory=list)

    def insert(self, table, columns, values):
        assert len(columns) == len(values)
        self.inserted.append((table, tuple(columns), list(zip(*values, strict=True))))

    def insert_json(self, table, columns, lines):
        self.inserted_json.append((table, tuple(columns), lines))

    def ask(self, query):
        self.asked.append(query)
        return self.answer

    def command(self, sql):
        raise AssertionError(sql)

    def close(self):
        raise AssertionError


def snapshot_of(partition, *events, **settings):
    """The snapshot of a partition that holds one record."""
    state = PartitionState(partition, FoldSettings(**settings), Position())
    state.fold(record(0, *events))
    return state.snapshot()


def test_rows_of_one_table_and_month_go_together():
    """One insert for each table and month, with the rows of all partitions; events are grouped by month too."""
    earlier = AT_MS - 31 * DAY_MS
    one = snapshot_of(0, an_event(1), an_event(2, at_ms=earlier))
    other = snapshot_of(7, an_event(3), an_event(4, status="rate_limited"))
    made = batches([one, other])
    assert {(batch.table, batch.month): batch.count for batch in made} == {
        ("usage_1h", 202604): 2,
        ("usage_1h", 202603): 1,
        ("latency_1h", 202604): 2,
        ("latency_1h", 202603): 1,
        ("errors_1h", 202604): 1,
        ("rate_limits_1m", 202604): 1,
        ("provider_health_5m", 202604): 2,
        ("provider_health_5m", 202603): 1,
        ("events", 202604): 3,
        ("events", 202603): 1,
    }
    assert len(made) == 10
    partitions = {row[len(USAGE.key)] for batch in made if batch.table == "usage_1h" for row in batch.rows}
    assert partitions == {0, 7}


def test_the_month_of_a_row_is_that_of_its_bucket():
    """A bucket on the last hour of a month belongs to that month, to the second."""
    last = AT_MS // DAY_MS * DAY_MS - 19 * DAY_MS - 1  # 2026-03-31T23:59:59.999Z
    assert {batch.month for batch in batches([snapshot_of(0, an_event(1, at_ms=last))])} == {202603}
    assert {batch.month for batch in batches([snapshot_of(0, an_event(1, at_ms=last + 1))])} == {202604}


def test_nothing_makes_no_insert():
    """Without changes there is nothing to store."""
    assert batches([]) == []
    assert batches([snapshot_of(0)]) == []


def test_columns_stand_in_the_order_of_the_values():
    """Each value is written under the name that it is known by."""
    store = RecordingStore()
    event = an_event(5, status="error", error_code="E", agent_id="a", task_type="t", input_tokens=9, cost_usd=0.5)
    for batch in batches([snapshot_of(3, event, keep_events=False)]):
        write(store, batch)
    assert store.inserted_json == []
    rows = {table: dict(zip(columns, row, strict=True)) for table, columns, (row,) in store.inserted}
    assert rows["usage_1h"] == dict.fromkeys(USAGE.measures, 0) | {
        "project_id": "p",
        "bucket": AT_MS // HOUR_MS * 3600,
        "provider": "openai",
        "model": "gpt-4o",
        "agent_id": "a",
        "task_type": "t",
        "partition": 3,
        "version": 1,
        "requests": 1,
        "error": 1,
        "failures": 1,
        "failed_provider_error": 1,
        "input_tokens": 9,
        "cost_nanos": 500_000_000,
        "latency_us": 120_500,
        "latency_us_max": 120_500,
    }
    assert rows["errors_1h"]["error_code"] == "E"
    assert rows["errors_1h"]["last_event_id"] == numbered_id(5)
    assert rows["latency_1h"]["latency_means"] == [120.5]
    assert [table for table, *_ in store.inserted] == ["usage_1h", "latency_1h", "provider_health_5m", "errors_1h"]


def test_events_are_written_as_json_lines():
    """Every column that an insert of events names is one that the lines may hold; texts with a meaning are left out."""
    store = RecordingStore()
    event = an_event(1, cost_usd="0.25", tags={"a": 1}, metadata={"b": None}, ttft_ms=2.5, teams=["x"])
    (batch,) = (batch for batch in batches([snapshot_of(3, event, event)]) if batch.table == "events")
    write(store, batch)
    ((table, columns, lines),) = store.inserted_json
    assert (table, columns, batch.count) == ("events", EVENT_COLUMNS, 1)
    row = json.loads(lines)
    assert row["metadata"] == {"b": "null", "a": "1"}
    assert (row["event_time_ms"], row["cost_nanos"], row["log_partition"]) == (AT_MS, 250_000_000, 3)
    left_out = {"timestamp", "cost_usd", "cost_ceiling_usd", "potential_cost_savings", "tags", "latency_us"}
    assert row.keys() - set(EVENT_COLUMNS) <= left_out
    assert not left_out & set(EVENT_COLUMNS)


POSITIONS = [
    Position(),
    Position(5, AT_MS, AT_MS - 1, 2**64 - 1),
    Position(0, None, 0, 0, 3),
    Position(2**40, -1, -5, 7, 65_535),
]


@pytest.mark.parametrize("position", POSITIONS)
def test_progress_is_read_back_as_it_was_written(position):
    """Offset, log time (also the absence of one), the last record and the epoch survive the store."""
    store = RecordingStore()
    entries = [Progress(partition, replace(position, offset=position.offset + partition), 17) for partition in (0, 9)]
    write_progress(store, "llm.events", entries)
    ((table, columns, rows),) = store.inserted
    assert table == "progress"
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    assert all(row["topic"] == "llm.events" for row in named)
    assert [row["version"] for row in named] == [
        (entry.position.epoch << 48) + entry.position.offset for entry in entries
    ]
    asked = ["partition", "position", "log_time_ms", "record_time_ms", "record_hash", "through_ms", "epoch"]
    store.answer = [tuple(row[name] for name in asked) for row in named]
    assert read_progress(store, "llm.events") == {entry.partition: entry for entry in entries}
    (query,) = store.asked
    assert query.sql.startswith(f"SELECT {', '.join(asked)} FROM progress FINAL")
    assert query.args == {"topic": "llm.events"}


def test_later_progress_has_a_higher_version():
    """Versions order progress by epoch first, then by offset, as the store keeps the highest."""
    store = RecordingStore()
    ordered = [Position(0), Position(1), Position(2**47), Position(0, epoch=1), Position(5, epoch=1)]
    for position in ordered:
        write_progress(store, "t", [Progress(0, position, 0)])
    versions = [rows[0][columns.index("version")] for _, columns, rows in store.inserted]
    assert versions == sorted(set(versions))


@pytest.mark.parametrize(
    ("floor_ms", "seconds"),
    [(None, 0), (-5, 0), (0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (AT_MS, 1_776_679_293), (10**18, 2**32 - 1)],
)
def test_the_floor_is_asked_for_in_whole_seconds(floor_ms, seconds):
    """A bucket is at or above the floor when its start is; a floor beyond all buckets is still a number that fits."""
    store = RecordingStore()
    read_rows(store, USAGE, 3, floor_ms)
    (query,) = store.asked
    assert query.args == {"partition": 3, "floor": seconds}
    assert query.name == "read_back_usage_1h"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_are_read_in_the_order_in_which_they_are_written(table):
    """Key, measures and version of a row come back as they went, without the partition, which was asked for."""
    columns = [column for column in columns_of(table) if column != "partition"]
    key = tuple(3600 if column == "bucket" else column for column in table.key)
    store = RecordingStore([(*key, *range(len(table.measures)), 99)])
    assert read_rows(store, table, 3, None) == [RowState(key, tuple(range(len(table.measures))), 99)]
    (query,) = store.asked
    selected = query.sql.removeprefix("SELECT ").partition(f" FROM {table.name} FINAL WHERE partition = ")[0]
    assert selected.replace("toUInt32(bucket)", "bucket").split(", ") == columns


def test_only_the_places_that_were_asked_for_come_back():
    """The store is asked by project and bucket, and what it answers besides is left out."""
    wanted = [("p", 3600, "a", "m"), ("q", 7200, "a", "m")]
    other = ("p", 7200, "a", "m")
    store = RecordingStore([(*key, 5, 9) for key in [*wanted, other]])
    assert read_places(store, RATE_LIMITS, 3, [key[:2] for key in wanted]) == [RowState(key, (5,), 9) for key in wanted]
    (query,) = store.asked
    assert query.args == {"partition": 3, "projects": ["p", "q"], "buckets": [3600, 7200]}
    assert query.name == "read_back_rate_limits_1m"


def test_values_stand_in_no_sql():
    """Everything that comes from data is a bound parameter."""
    store = RecordingStore()
    read_places(store, ERRORS, 3, [("it's", 3600)])
    read_rows(store, LATENCY, 3, AT_MS)
    read_progress(store, "it's")
    for query in store.asked:
        assert "it's" not in query.sql
        assert all(f"{{{name}:" in query.sql for name in query.args)


def test_what_was_written_can_be_restored():
    """The rows of a snapshot, read back, are those that a restored state goes on from."""
    snapshot = snapshot_of(0, an_event(1, status="error", stream=True, ttft_ms=1.5))
    for batch in batches([snapshot]):
        if batch.table == "events":
            continue
        table = next(table for table in TABLES if table.name == batch.table)
        width = len(table.key)
        store = RecordingStore([(*row[:width], *row[width + 1 :]) for row in batch.rows])
        (row,) = read_rows(store, table, 0, None)
        assert row == next(row for bucket, row in snapshot.rows if bucket.table is table)
        if table is ERRORS:
            assert isinstance(row.values[-1], UUID)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(documents().flatmap(render), min_size=20, max_size=40))
def test_what_is_accepted_can_be_stored(chdb_store, parts):
    """Whatever event the decoder accepts, every table takes its rows and gives them back as they were.

    A row that the store refuses stops the worker, and would stop it again after each restart.
    """
    state = PartitionState(next(PARTITIONS), FoldSettings(dedup_window_ms=0), Position())
    edges = [token_document(name, token) for name, tokens in EDGES.items() for token in tokens]
    for offset, value in enumerate([*parts, *edges]):
        state.fold(read_stretch([FakeRecord(offset, AT_MS + offset, value)], Limits()))
    snapshot = state.snapshot()
    for batch in batches([snapshot]):
        write(chdb_store, batch)
    for table in TABLES:
        wanted = {row.key: row for bucket, row in snapshot.rows if bucket.table is table}
        assert {row.key: row for row in read_rows(chdb_store, table, state.partition, None)} == wanted
        assert {
            row.key: row for row in read_places(chdb_store, table, state.partition, {key[:2] for key in wanted})
        } == wanted
    stored = chdb_store.ask(
        Query(
            "events",
            "SELECT log_offset, event_id, toUnixTimestamp64Milli(timestamp), toString(cost_usd), latency_ms, metadata, "
            "teams, project_id FROM events WHERE log_partition = {partition:UInt16} ORDER BY log_offset",
            {"partition": state.partition},
        )
    )
    assert len(stored) == snapshot.event_count == len(parts) + len(edges)
    for (offset, identity, time_ms, cost, *rest), value in zip(stored, [*parts, *edges], strict=True):
        (event,) = decode(value, AT_MS, Limits()).events
        assert (identity, time_ms, int(Decimal(cost).scaleb(9))) == (
            event.event_id,
            event.event_time_ms,
            event.cost_nanos,
        )
        assert rest == [event.latency_ms, event.metadata, event.teams, event.project_id], offset


def token_document(name, token):
    """A valid event with one field at the edge of what it may hold."""
    fields = {key: json.dumps(value) for key, value in an_event(input_tokens=2_147_483_647).items()} | {name: token}
    return ("{" + ",".join(f'"{key}":{text}' for key, text in fields.items()) + "}").encode()
