"""What does a load leave in memory and in the store? An hour of it, through the real fold into the real engine."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from uuid import UUID

from tests.builders import AT_MS, HOUR_MS, rfc3339
from tests.fakes import FakeRecord
from tokentide.capacity import Load
from tokentide.events import Limits, read_stretch
from tokentide.rollups import FoldSettings, PartitionState, Position, RowState, Snapshot
from tokentide.store.port import Query, Store
from tokentide.store.rows import batches, write

__all__ = ["Footprint", "footprint"]

_BEGIN_MS = AT_MS // HOUR_MS * HOUR_MS
_FAILED = ("error", "timeout", "rate_limited")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one hour of one partition left.

    Attributes:
        rows: of each table at the end of it.
        rows_a_flush: of all tables together, on average.
        bucket_bytes: what all buckets take in memory.
        id_bytes: what one remembered id takes.
        disk_bytes: of one row of each table, and of the events, when all parts are merged.
    """

    rows: dict[str, int]
    rows_a_flush: float
    bucket_bytes: int
    id_bytes: float
    disk_bytes: dict[str, float]


def footprint(store: Store, load: Load, seed: int = 1) -> Footprint:
    """Fold an hour of the load as one partition gets it, flush by flush, and store what there is in the end."""
    state = PartitionState(0, FoldSettings(dedup_window_ms=HOUR_MS, max_names=load.max_names), Position())
    random, flushed, flushes, kept = Random(seed), 0, 0, []
    gc.collect()
    tracemalloc.start()
    for offset, values in enumerate(_flush_by_flush(load, random)):
        record = FakeRecord(offset, _BEGIN_MS + HOUR_MS, b"\n".join(values))
        state.fold(read_stretch([record], Limits()))
        snapshot = state.snapshot()
        kept.append(snapshot.events)
        flushed += len(snapshot.rows)
        flushes += 1
    del snapshot, record, values
    _write(store, state, kept)
    kept.clear()
    state._routes.clear()  # of the next flush they are none of an open bucket's costs
    rows = {kind.table.name: len(buckets) for kind, buckets in state.tables.items()}
    ids = len(state.dedup)
    bucket_bytes = _freed_by(lambda: [buckets.clear() for buckets in state.tables.values()])
    id_bytes = _freed_by(lambda: setattr(state, "dedup", None)) / ids
    tracemalloc.stop()
    return Footprint(rows, flushed / flushes, bucket_bytes, id_bytes, _disk_bytes(store))


def _flush_by_flush(load: Load, random: Random) -> Iterator[list[bytes]]:
    """The events between two flushes, in the order of their time."""
    count = round(load.events_per_second * 3600)
    times = sorted(random.randrange(HOUR_MS) for _ in range(count))
    interval_ms = load.flush_interval_seconds * 1000
    waiting: list[bytes] = []
    end_ms = interval_ms
    for at_ms in times:
        if at_ms >= end_ms:
            if waiting:
                yield waiting
            waiting, end_ms = [], (at_ms // interval_ms + 1) * interval_ms
        waiting.append(_event(load, random, at_ms))
    yield waiting


def _event(load: Load, random: Random, at_ms: int) -> bytes:
    status = random.choice(_FAILED) if random.random() < load.failed_share else "success"
    model = random.randrange(load.models)
    event = {
        "event_id": str(UUID(int=random.getrandbits(128), version=4)),
        "project_id": f"project-{random.randrange(load.projects)}",
        "timestamp": rfc3339(_BEGIN_MS + at_ms),
        "provider": f"provider-{model % load.providers}",
        "model": f"model-{model}",
        "agent_id": f"agent-{random.randrange(load.agents)}",
        "task_type": f"task-{random.randrange(load.tasks)}",
        "status": status,
        "latency_ms": round(random.lognormvariate(6.5, 0.9), 3),
        "stream": True,
        "ttft_ms": round(random.lognormvariate(5, 0.5), 3),
        "input_tokens": random.randrange(4000),
        "output_tokens": random.randrange(800),
        "cost_usd": round(random.random() / 100, 6),
        "trace_id": f"{random.getrandbits(128):032x}",
        "session_id": f"session-{random.randrange(100_000)}",
        "user_id": f"user-{random.randrange(10_000)}",
    }
    if status == "error":
        event["error_code"] = f"E{random.randrange(load.error_codes)}"
    return json.dumps(event).encode()


def _write(store: Store, state: PartitionState, kept: list) -> None:
    """Every row as it is in the end, and the events."""
    rows = [
        (bucket, RowState(key, bucket.values(), bucket.version))
        for buckets in state.tables.values()
        for key, bucket in buckets.items()
    ]
    events = [part for parts in kept for part in parts]
    for batch in batches([Snapshot(0, state.position, rows, events, 0)]):
        write(store, batch)


def _disk_bytes(store: Store) -> dict[str, float]:
    names = ("usage_1h", "latency_1h", "errors_1h", "rate_limits_1m", "provider_health_5m", "events")
    for name in names:
        store.command(f"OPTIMIZE TABLE {name} FINAL")
    listed = "', '".join(names)
    sql = (
        "SELECT table, sum(bytes_on_disk), sum(rows) FROM system.parts "
        f"WHERE database = currentDatabase() AND active AND table IN ('{listed}') GROUP BY table"
    )
    return {table: size / rows for table, size, rows in store.ask(Query("sizes", sql))}


def _freed_by(forget) -> int:
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    forget()
    gc.collect()
    return before - tracemalloc.get_traced_memory()[0]
