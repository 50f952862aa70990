"""What the read API is asked about in its benchmark: 2.2 million rows of usage, and single events of the last 30 days.

All rows are made inside the engine: 20 models and 50 projects by the hour, with digests of nine centroids, five minutes
of health, and daily rows of days that are over.
"""

from __future__ import annotations

import re
from contextlib import closing

from tokentide.rollups import Position
from tokentide.rollups.days import sealing, version_of
from tokentide.settings import Settings
from tokentide.store import Query, Store, open_store
from tokentide.store.days import DAILY, build_day, write_marks
from tokentide.store.migrate import migrate
from tokentide.store.rows import Progress, write_progress

__all__ = ["DAY_MS", "PROJECTS", "fill"]

DAY_MS = 86_400_000
MODELS, PROJECTS = 20, 50
EVENT_DAYS, HEALTH_DAYS = 30, 15  # nothing asks for older ones
PARTITIONS = range(4)

MODEL = "concat('model-', toString(number % 20))"
PROVIDER = "['openai', 'anthropic', 'google', 'azure'][number % 20 % 4 + 1]"
TASK = "['extraction', 'classification', 'summarization', 'reasoning', ''][number % 5 + 1]"
PROJECT = "concat('project-', toString(intDiv(number, 20) % 50))"
HOUR = "toDateTime({last:UInt32} - 3600 * intDiv(number, 1000), 'UTC')"
CHANCE = "(cityHash64(number) % 1000 / 1000)"

USAGE = f"""
INSERT INTO usage_1h (project_id, bucket, provider, model, agent_id, task_type, partition, requests, success, error,
    timeout, rate_limited, input_tokens, output_tokens, cached_tokens, cost_nanos, latency_us, latency_us_max, ttft_us,
    ttft_count, quality_sum, quality_count, complexity_sum, complexity_count, failures, failed_provider_error,
    fallbacks, retried, routing_verdicts, routing_correct, pinned, version)
SELECT {PROJECT}, {HOUR}, {PROVIDER}, {MODEL}, concat('agent-', toString(number % 3)), {TASK}, number % 4, 10, 9,
    number % 7 = 0, number % 11 = 0, number % 13 = 0, 9000, 2000, 900, cityHash64(number) % 100000000, 9000000, 2000000,
    1500000, 5, 4.5, 5, 2.5, 5, 1, 1, number % 17 = 0, number % 5 = 0, 8, 7, number % 3 = 0, 1
FROM numbers({{history:UInt64}} * {24 * MODELS * PROJECTS})
"""
LATENCY = f"""
INSERT INTO latency_1h (project_id, bucket, provider, model, partition, latency_means, latency_weights, ttft_means,
    ttft_weights, version)
SELECT {PROJECT}, {HOUR}, {PROVIDER}, {MODEL}, number % 4,
    arraySort(arrayMap(i -> toFloat32(exp(6.5 + 0.9 * (cityHash64(number, i) % 600 / 100 - 3))), range(9))),
    arrayMap(i -> toUInt32(1), range(9)), [toFloat32(100), toFloat32(200)], [toUInt32(3), toUInt32(2)], 1
FROM numbers({{history:UInt64}} * {24 * MODELS * PROJECTS})
"""
ERRORS = f"""
INSERT INTO errors_1h (project_id, bucket, error_code, provider, model, partition, errors, last_seen_ms, last_event_id,
    version)
SELECT {PROJECT}, {HOUR}, ['overloaded', 'timeout', 'rate_limited'][number % 3 + 1], {PROVIDER}, {MODEL}, number % 4, 1,
    0, generateUUIDv4(number), 1
FROM numbers({{history:UInt64}} * {24 * MODELS * PROJECTS}) WHERE number % 5 = 0
"""
HEALTH = f"""
INSERT INTO provider_health_5m (project_id, bucket, provider, partition, requests, errors, rate_limited, latency_us,
    version)
SELECT concat('project-', toString(intDiv(number, 4) % {PROJECTS})),
    toDateTime({{last:UInt32}} + 3300 - 300 * intDiv(number, {4 * PROJECTS}), 'UTC'),
    ['openai', 'anthropic', 'google', 'azure'][number % 4 + 1], 0, 6, number % 29 = 0, number % 31 = 0, 5000000, 1
FROM numbers({HEALTH_DAYS * 288 * 4 * PROJECTS})
"""
OF_PROJECT = "(number % {count:UInt64})"  # in the order of the table's key, as merges would leave them
EVENTS = f"""
INSERT INTO events (project_id, timestamp, log_partition, log_offset, log_index, event_id, provider, model, status,
    latency_ms, input_tokens, output_tokens, cached_tokens, cost_usd, session_id, task_type, failure_trigger)
SELECT concat('project-', toString(intDiv(number, {{count:UInt64}}))),
    fromUnixTimestamp64Milli({{end:Int64}} - toInt64({EVENT_DAYS * DAY_MS} / {{count:UInt64}} * {OF_PROJECT}), 'UTC'),
    number % 4, number, 0, reinterpretAsUUID(toUInt128(number) * 1000000000000000003), {PROVIDER}, {MODEL},
    if({CHANCE} < 0.05, 'error', 'success'), exp(6.5 + {CHANCE}), 900, 200, 90, 0.001,
    concat('session-', toString(intDiv(number, 250))), {TASK}, if(number % 40 = 0, 'edge cases', NULL)
FROM numbers({{count:UInt64}} * {PROJECTS})
SETTINGS materialize_skip_indexes_on_insert = 0, optimize_on_insert = 0
"""


def fill(dsn: str, settings: Settings, events: int, now_ms: int, *, history: int, days: int) -> dict[str, int]:
    """Make the rows, the daily ones by the product's own statement, and say how many there are in each table.

    Args:
        dsn: where; an empty place.
        settings: of the database.
        events: how many single events, over the last 30 days.
        now_ms: when the newest of them is.
        history: how many days there are hourly rows of; 24,000 for each.
        days: of how many days daily rows are made.
    """
    migrate(settings)
    tables = {"usage_1h": USAGE, "latency_1h": LATENCY, "errors_1h": ERRORS, "provider_health_5m": HEALTH}
    bounds = {"last": now_ms // 3_600_000 * 3600, "end": now_ms, "count": events // PROJECTS, "history": history}
    with closing(open_store(dsn, settings.database)) as store:
        for table, sql in tables.items():
            store.command(_bound(sql, bounds))
            store.command(f"OPTIMIZE TABLE {table} FINAL")
        store.command(_bound(EVENTS, bounds))
        _seal(store, settings, now_ms // DAY_MS, days)
        counted = (*tables, "events", *DAILY.values())
        return {table: int(store.ask(Query("count", f"SELECT count() FROM {table}"))[0][0]) for table in counted}


def _seal(store: Store, settings: Settings, today: int, days: int) -> None:
    """Make the daily rows of the days before today, and say that everything is stored."""
    position = Position(offset=1 << 40, log_time_ms=today * DAY_MS)
    write_progress(store, settings.topic, [Progress(number, position, today * DAY_MS) for number in PARTITIONS])
    for day in range(today - days, today):
        build_day(store, day, PARTITIONS)
        write_marks(store, [sealing(number, day, version_of(position), None) for number in PARTITIONS])
    for table in DAILY.values():
        store.command(f"OPTIMIZE TABLE {table} FINAL")


def _bound(sql: str, values: dict[str, int]) -> str:
    """The statement with numbers of this program in it."""
    return re.sub(r"\{(\w+):\w+\}", lambda found: str(values[found[1]]), sql)
