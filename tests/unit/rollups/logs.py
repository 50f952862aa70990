"""Logs to fold: a strategy for them, a store to flush them to, and a shell that does what the worker does.

A log has what makes folding hard: duplicates, events that are late by seconds or months, records out of order, records
without events, refused events beside good ones, offsets that are missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.builders import AT_MS, an_event, line, numbered_id, rfc3339
from tests.fakes import FakeRecord
from tests.oracle.rollups import OTHER, Logged, counted, rollups
from tokentide.events import Limits, Stretch, read_stretch
from tokentide.rollups import TABLES, FoldSettings, Key, PartitionState, Place, Position, RowState, Snapshot, Table
from tokentide.rollups.sketch import Digest

__all__ = ["Entry", "Shell", "Stored", "calls", "expected", "fold_settings", "logs", "same_rows", "stretch"]

HOUR, DAY = 3_600_000, 86_400_000
BAD = (b"{", b'{"a":1}', line(an_event(1, status="odd")), b'"\xff"', line(an_event(2, at_ms=AT_MS - 900 * DAY)))


@dataclass(frozen=True)
class Entry:
    """One record of a log: its bytes, and the valid events among them with their places."""

    offset: int
    time_ms: int
    value: bytes | None
    events: tuple[tuple[int, dict[str, Any]], ...]

    @property
    def record(self) -> FakeRecord:
        """The record as Kafka's client delivers it."""
        return FakeRecord(self.offset, self.time_ms, self.value)


def stretch(entries: Iterable[Entry]) -> Stretch:
    """The entries, decoded."""
    return read_stretch([entry.record for entry in entries], Limits())


def _eighths(least: int, most: int) -> st.SearchStrategy[float]:
    return st.integers(least, most).map(lambda eighths: eighths / 8)


_ages_ms = st.sampled_from([0, 0, 0, 1, 1500, 7 * 60_000, HOUR, 2 * HOUR, 5 * HOUR, 40 * DAY, -300_000])
_optional = {
    "kind": st.sampled_from(["llm", "llm", "llm", "agent"]),
    "virtual_model": st.just("v"),
    "agent_id": st.sampled_from(["", "a", OTHER]),
    "task_type": st.sampled_from(["t", OTHER]),
    "error_code": st.sampled_from(["", "E1", "E2", OTHER]),
    "stream": st.booleans(),
    "ttft_ms": _eighths(0, 4000),
    "input_tokens": st.integers(10, 20),
    "output_tokens": st.integers(0, 9),
    "cached_tokens": st.integers(0, 10),
    "cache_write_tokens": st.integers(0, 9),
    "reasoning_tokens": st.integers(0, 9),
    "cost_usd": st.sampled_from([0, 0.0021, 0.25, "0.000000001", 12]),
    "cost_ceiling_usd": st.sampled_from([0, 0.0021, "0.5"]),
    "finish_reason": st.sampled_from(["stop", "length", "content_filter"]),
    "validation_passed": st.booleans(),
    "quality_score": _eighths(0, 8),
    "complexity": _eighths(0, 8),
    "requested_model": st.sampled_from(["m", "n"]),
    "routing_correct": st.booleans(),
    "fallback_used": st.booleans(),
    "cost_ceiling_hit": st.booleans(),
    "model_pinned": st.booleans(),
    "retry_count": st.integers(0, 2),
    "failure_mode": st.sampled_from(["refusal", "hallucination", "incomplete", "reasoning_error", "format_violation"]),
    "recovered_by": st.sampled_from(["retry", "fallback"]),
}


@st.composite
def calls(draw: st.DrawFn, record_ms: int, ids: st.SearchStrategy[int]) -> dict[str, Any]:
    """A valid event for a record of the given time."""
    identity = str(numbered_id(draw(ids)))
    event = {
        "event_id": draw(st.sampled_from([identity, identity.upper()])),
        "project_id": draw(st.sampled_from("ppq")),
        "timestamp": rfc3339(record_ms - draw(_ages_ms)),
        "provider": draw(st.sampled_from("ab")),
        "model": draw(st.sampled_from(["m", "n", "o", OTHER])),
        "status": draw(st.sampled_from(["success", "success", "error", "timeout", "rate_limited", "cancelled"])),
        "latency_ms": draw(_eighths(0, 80_000)),
    }
    names = draw(st.lists(st.sampled_from(sorted(_optional)), unique=True, max_size=6))
    event |= {name: draw(_optional[name]) for name in names}
    return event | ({"input_tokens": 10} if event.get("cached_tokens") and "input_tokens" not in event else {})


_few = st.integers(0, 8)


@st.composite
def logs(
    draw: st.DrawFn, ids: st.SearchStrategy[int] = _few, min_records: int = 1, max_records: int = 8
) -> list[Entry]:
    """A log of one partition; few ids by default, so that many events are duplicates."""
    entries, offset, time_ms = [], draw(st.integers(0, 3)), AT_MS
    for _ in range(draw(st.integers(min_records, max_records))):
        time_ms += draw(st.sampled_from([0, 0, 1, 500, 4000, 60_000, HOUR // 2, HOUR, 3 * HOUR, -2000, -HOUR]))
        parts = draw(st.lists(calls(time_ms, ids) | calls(time_ms, ids) | st.sampled_from(BAD), max_size=4))
        events = tuple((index, part) for index, part in enumerate(parts) if isinstance(part, dict))
        value = b"\n".join(line(part) if isinstance(part, dict) else part for part in parts)
        entries.append(Entry(offset, time_ms, value or draw(st.sampled_from([None, b"", b"[]"])), events))
        offset += draw(st.sampled_from([1, 1, 1, 3]))
    return entries


fold_settings = st.builds(
    FoldSettings,
    hot_window_ms=st.sampled_from([0, 60_000, HOUR, 2 * HOUR]),
    dedup_window_ms=st.sampled_from([0, 1000, 60_000, 600_000, 4 * HOUR]),
    dedup_max_ids=st.sampled_from([1, 2, 3, 1000]),
    max_names=st.sampled_from([1, 2, 3, 1000]),
)


def expected(log: Iterable[Entry], settings: FoldSettings, partition: int = 0) -> tuple[list[Logged], dict[str, Any]]:
    """The events that count, and the rows of every table, as the oracle says."""
    every, log_ms = [], 0
    for entry in log:
        log_ms = max(log_ms, entry.time_ms)
        every += [Logged(partition, entry.offset, index, log_ms, event) for index, event in entry.events]
    kept = counted(every, settings.dedup_window_ms, settings.dedup_max_ids)
    return kept, rollups(kept, settings.max_names)


@dataclass
class Stored:
    """What a ReplacingMergeTree makes of the rows: for each key the highest version; and the stored progress."""

    rows: dict[tuple[Table, int, Key], RowState] = field(default_factory=dict)
    events: dict[tuple[int, int, int], dict[str, Any]] = field(default_factory=dict)
    progress: dict[int, Position] = field(default_factory=dict)

    def take(self, snapshot: Snapshot, arrives: Sequence[bool] = ()) -> None:
        """Insert the rows of a snapshot, or of its tables those of which `arrives` says so."""
        for bucket, row in snapshot.rows:
            place = TABLES.index(bucket.table)
            if not arrives or arrives[place]:
                self._put((bucket.table, snapshot.partition, row.key), row)
        if not arrives or arrives[-1]:
            for part in snapshot.events:
                for text in part.lines.splitlines():
                    row = json.loads(text)
                    at = row.get("log_partition", 0), row.get("log_offset", 0), row.get("log_index", 0)
                    assert self.events.setdefault(at, row) == row

    def _put(self, place: tuple[Table, int, Key], row: RowState) -> None:
        before = self.rows.get(place)
        if before is not None and before.version == row.version:
            assert weights_only(place[0], before) == weights_only(place[0], row), "equal versions are equal rows"
        if before is None or row.version >= before.version:
            self.rows[place] = row

    def found(self, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
        """The rows of a partition at or above the floor."""
        return [
            row
            for (of, where, key), row in self.rows.items()
            if of is table and where == partition and (floor_ms is None or int(key[1]) * 1000 >= floor_ms)
        ]

    def asked(self, table: Table, partition: int, places: Iterable[Place]) -> list[RowState]:
        """The rows of the given projects and intervals."""
        wanted = set(places)
        return [
            row
            for (of, where, key), row in self.rows.items()
            if of is table and where == partition and key[:2] in wanted
        ]


def weights_only(table: Table, row: RowState) -> tuple[Any, ...]:
    """The measures of a row that do not depend on where flushes cut."""
    if table.name != "latency_1h":
        return row.values
    return sum(row.values[1]), sum(row.values[3])


class Shell:
    """What the worker does around the fold: load, read back what is cold, fold, flush, forget.

    Args:
        log: the whole log, of which what lies before the stored progress is read for the duplicates window only.
        stored: what the store holds.
        settings: of the fold.
        partition: its number.
    """

    def __init__(self, log: Sequence[Entry], stored: Stored, settings: FoldSettings, partition: int = 0) -> None:
        self.stored = stored
        self._log = log
        start = stored.progress.get(partition, Position())
        self.state = PartitionState(partition, settings, start)
        for table in TABLES:
            self.state.adopt(table, stored.found(table, partition, self.state.floor_ms))
        if start.log_time_ms is not None:
            edge_ms = start.log_time_ms - settings.dedup_window_ms
            below = [entry for entry in log if entry.offset < start.offset]
            first = next((place for place, entry in enumerate(below) if entry.time_ms >= edge_ms), len(below))
            self.state.remember(stretch(below[first:]))

    def fold(self, entries: Iterable[Entry]) -> None:
        """Fold records, reading back first what they need."""
        these = stretch(entries)
        for table, places in self.state.cold_places(these).items():
            self.state.adopt(table, self.stored.asked(table, self.state.partition, places), places)
        assert not self.state.cold_places(these)
        self.state.fold(these)

    def fold_rest(self) -> None:
        """Fold all records that are not folded yet, one at a time."""
        for entry in self._log:
            if entry.offset >= self.state.next_offset:
                self.fold([entry])

    def flush(self) -> Snapshot:
        """Store everything, then the progress; forget what is cold."""
        snapshot = self.state.snapshot()
        self.stored.take(snapshot)
        self.stored.progress[snapshot.partition] = snapshot.position
        snapshot.acknowledge()
        self.state.evict()
        return snapshot


def same_rows(stored: Stored, wanted: dict[str, Any]) -> None:
    """The stored rows are the oracle's: the same keys, measures and versions."""
    for table in TABLES:
        rows = {(partition, *key): row for (of, partition, key), row in stored.rows.items() if of is table}
        assert rows.keys() == wanted[table.name].keys(), table.name
        for key, row in rows.items():
            right = dict(wanted[table.name][key])
            assert row.version == right.pop("version")
            actual = dict(zip(table.measures, row.values, strict=True))
            if table.name == "latency_1h":
                actual = _as_values(actual)
                right = {name: sorted(values) for name, values in right.items()}
            assert actual == right, key


def _as_values(digests: dict[str, Any]) -> dict[str, list[float]]:
    """The values that small digests hold; the made-up latencies are exact as float32."""
    for name in ("latency", "ttft"):
        assert set(digests[f"{name}_weights"]) <= {1}
        assert Digest.of(digests[f"{name}_means"], digests[f"{name}_weights"]).count == len(digests[f"{name}_means"])
    return {name: digests[f"{name}_means"] for name in ("latency", "ttft")}
