"""B1: from bytes to finished rows, ours against ClickHouse's own engine on the same bytes, one core each."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, MissingFigure, quotient
from tests.benchmarks.place import PEERS
from tests.benchmarks.traffic import events, in_records
from tests.fakes import FakeRecord
from tokentide.events import Limits, read_stretch
from tokentide.rollups import FoldSettings, PartitionState, Position
from tokentide.store.rows import batches

__all__ = ["against_the_engine"]

BATCH = 100
AT_ONCE = 2

_ROWS = """
    SELECT project_id, toStartOfHour(parseDateTime64BestEffort(timestamp)) AS bucket, provider, model,
           count(), countIf(status = 'success'), countIf(status = 'error'), countIf(status = 'timeout'),
           countIf(status = 'rate_limited'), sum(input_tokens), sum(output_tokens), sum(cached_tokens), sum(cost_usd),
           sum(latency_ms), max(latency_ms), sum(ttft_ms),
           quantilesTDigest(0.5, 0.9, 0.99)(latency_ms), quantilesTDigest(0.5, 0.9, 0.99)(ttft_ms)
    FROM {source} GROUP BY project_id, bucket, provider, model
"""
_COLUMNS = (
    "event_id UUID, project_id String, timestamp String, provider String, model String, operation String, "
    "status String, latency_ms Float64, stream Bool, ttft_ms Float64, input_tokens UInt32, output_tokens UInt32, "
    "cached_tokens UInt32, cost_usd Decimal(18, 9), trace_id String, session_id String, user_id String, "
    "environment String"
)
_NAMES = [column.split()[0] for column in _COLUMNS.split(", ") if " " in column]
_ENGINE = """
import sys, time
import chdb
settings = " SETTINGS max_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0"
began = time.process_time()
chdb.query(sys.argv[1] + settings, "Null")
print(time.process_time() - began)
"""
_DUCKDB = """
import sys, time
import duckdb
duckdb.execute("SET threads = 1")
began = time.process_time()
duckdb.execute(sys.argv[1]).fetchall()
print(time.process_time() - began)
"""


def against_the_engine(folder: Path, count: int, repetitions: int) -> Iterator[Figure | MissingFigure]:
    """Ours does all it does for a record, short of Kafka and the insert; the engine one GROUP BY with two t-digests."""
    now = time.time()
    lines = list(events(count, now))
    ndjson, arrays = folder / "events.ndjson", folder / "events.arrays"
    ndjson.write_bytes(b"\n".join(lines) + b"\n")
    packed = [b"[" + b",".join(record.split(b"\n")) + b"]" for record in in_records(lines, BATCH)]
    arrays.write_bytes(b"\n".join(packed) + b"\n")
    as_lines = f"file('{ndjson}', JSONEachRow, '{_COLUMNS}')"
    element = f"arrayJoin(JSONExtract(line, 'Array(Tuple({_COLUMNS}))')) AS e"
    named = ", ".join(f"tupleElement(e, '{name}') AS {name}" for name in _NAMES)
    as_arrays = f"(SELECT {named} FROM (SELECT {element} FROM file('{arrays}', LineAsString, 'line String')))"
    for part, records, source, asked in (
        ("ndjson", in_records(lines, BATCH), as_lines, 1.0),
        ("arrays", packed, as_arrays, 1.5),
    ):
        sql = _ROWS.format(source=source)
        pairs = [(_ours(records, now), _seconds(sys.executable, _ENGINE, sql)) for _ in range(repetitions)]
        rates = [(count / ours, count / theirs) for ours, theirs in pairs]
        yield quotient("B1", part, rates, "ClickHouse's engine, GROUP BY", asked)
    yield _curiosity(ndjson, count, repetitions)


def _ours(records: Sequence[bytes], now: float) -> float:
    state, limits, now_ms = PartitionState(0, FoldSettings(keep_events=False), Position()), Limits(), int(now * 1000)
    raw = [FakeRecord(offset, now_ms, value) for offset, value in enumerate(records)]
    began = time.process_time()
    for begin in range(0, len(raw), AT_ONCE):
        state.fold(read_stretch(raw[begin : begin + AT_ONCE], limits))
    batches([state.snapshot()])
    return time.process_time() - began


def _seconds(python: str, program: str, sql: str) -> float:
    """CPU seconds of one query in a process of its own."""
    done = subprocess.run([python, "-c", program, sql], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _curiosity(ndjson: Path, count: int, repetitions: int) -> Figure | MissingFigure:
    """What DuckDB does with the lines, without percentiles; nothing is asked."""
    if not PEERS.exists():
        return MissingFigure("B1", f"DuckDB: {PEERS} is missing")
    sql = (
        "SELECT project_id, date_trunc('hour', timestamp::TIMESTAMP), provider, model, count(*), sum(input_tokens), "
        f"sum(cost_usd), approx_quantile(latency_ms, 0.99) FROM read_json('{ndjson}') GROUP BY ALL"
    )
    runs = [count / _seconds(str(PEERS), _DUCKDB, sql) for _ in range(repetitions)]
    return Figure(
        "B1", "duckdb", round(statistics.median(runs)), "/s", reference_name="DuckDB, for comparison", runs=runs
    )
