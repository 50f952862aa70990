"""How long does a mixed set of 40 metrics queries take on 20 million events, with the planner and without?

    python -m tests.benchmarks.ask_events [--events N] [--data FOLDER] [--json FILE]

Events are made inside the engine (chDB, in this process): 50 projects, of which a few have most of the events, 20
models, 30 days. The rollups are made from them. With `--data` the folder is kept, and used again the next time. Each
query is asked three times for the heaviest project and for all of them; what counts is its median, on the clock and of
the processor, whose time other programs on the machine change less. Prints what the table takes on disk, and the times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokentide.api.truefoundry.reading import read_query
from tokentide.settings import Settings
from tokentide.store import Query, ReadLimits, Store, open_store
from tokentide.store.migrate import migrate
from tokentide.store.queries.metrics import metrics_question
from tokentide.store.queries.plan import planned
from tokentide.store.queries.sources import USAGE_SOURCE

DAYS = 30
START = 1_793_491_200  # 2026-11-01T00:00:00Z
CHUNK = 1_000_000
ROUNDS = 3
PROJECTS = {"one project": ["project-1"], "all": [f"project-{number}" for number in range(50)]}
WAYS = [("one project", "planned"), ("one project", "events"), ("all", "planned"), ("all", "events")]

MADE = f"""
INSERT INTO events (project_id, timestamp, log_partition, log_offset, log_index, event_id, kind, trace_id, provider,
    model, virtual_model, provider_model_name, provider_account_type, operation, status, error_code, http_status,
    latency_ms, stream, ttft_ms, inter_token_latency_ms, time_per_output_token_ms, input_tokens, output_tokens,
    cached_tokens, cost_usd, session_id, user_id, subject_slug, subject_type, teams, environment, metadata,
    cache_lookup_status, cache_type, cache_lookup_latency_ms, potential_cost_savings, mcp_server_name, mcp_method,
    tool_name, agent_name)
WITH
    number AS n,
    (sipHash64(n, 1) % 1000003 + 1) / 1000004 AS u,
    (sipHash64(n, 2) % 1000003 + 1) / 1000004 AS v,
    (sipHash64(n, 3) % 1000003 + 1) / 1000004 AS w,
    exp(6.5 + 0.9 * sqrt(-2 * log(u)) * cos(6.283185 * v)) AS latency,
    multiIf(w < 0.86, 'llm', w < 0.92, 'mcp', w < 0.95, 'guardrail', w < 0.97, 'config', 'agent') AS of_kind,
    toUInt32(least(50, floor(1 / pow((sipHash64(n, 4) % 1000003 + 1) / 1000004, 0.8)))) % 50 AS project,
    toUInt32(least(20, floor(1 / pow((sipHash64(n, 5) % 1000003 + 1) / 1000004, 0.8)))) % 20 AS of_model,
    sipHash64(n, 6) AS dice
SELECT
    concat('project-', toString(project)),
    fromUnixTimestamp64Milli(toInt64(({START} + {DAYS} * 86400 * (n / {{total:UInt64}})) * 1000) + dice % 60000, 'UTC'),
    n % 8, intDiv(n, 8), 0, reinterpretAsUUID(unhex(concat(hex(sipHash64(n, 7)), hex(sipHash64(n, 8))))),
    of_kind,
    lower(concat(hex(sipHash64(intDiv(n, 3), 9)), hex(sipHash64(intDiv(n, 3), 10)))),
    if(of_kind = 'llm', ['openai', 'anthropic', 'google'][of_model % 3 + 1], NULL),
    if(of_kind = 'llm', concat('model-', toString(of_model)), NULL),
    if(of_kind = 'llm' AND dice % 7 = 0, concat('virtual-', toString(dice % 5)), NULL),
    if(of_kind = 'llm', concat('model-', toString(of_model), '-2026'), NULL),
    if(of_kind = 'llm', ['api-key', 'oauth'][dice % 2 + 1], NULL),
    ['chat', 'embed', 'completion'][dice % 3 + 1],
    multiIf(dice % 100 < 96, 'success', dice % 100 < 98, 'error', dice % 100 = 98, 'timeout', 'rate_limited') AS ended,
    if(ended = 'success', NULL, ['overloaded', 'bad_gateway', 'quota'][dice % 3 + 1]),
    if(ended = 'success', 200, 500 + dice % 4),
    round(latency, 3), dice % 2 = 0, if(dice % 2 = 0, round(latency / 4, 3), NULL),
    if(dice % 2 = 0, round(latency / 100, 3), NULL), if(dice % 2 = 0, round(latency / 90, 3), NULL),
    dice % 4000, dice % 801, dice % 400, toDecimal64(dice % 10000000, 9) / 1000000000,
    concat('session-', toString(sipHash64(intDiv(n, 10)) % 1000000)), concat('user-', toString(dice % 10000)),
    concat('person-', toString(dice % 300), '@example.com'), ['user', 'virtualaccount'][dice % 2 + 1],
    [concat('team-', toString(dice % 12))], 'production',
    map('environment', ['prod', 'staging', 'dev'][dice % 3 + 1], 'feature', concat('f', toString(dice % 40))),
    if(of_kind = 'llm' AND dice % 4 = 0, ['hit', 'miss'][dice % 3 % 2 + 1], NULL), 'semantic', 1.5 + dice % 9,
    toDecimal64(dice % 1000, 9) / 1000000,
    if(of_kind = 'mcp', concat('server-', toString(dice % 8)), NULL), if(of_kind = 'mcp', 'tools/call', NULL),
    if(of_kind = 'mcp', concat('tool-', toString(dice % 30)), NULL),
    if(of_kind = 'agent', concat('agent-', toString(dice % 10)), NULL)
FROM numbers({{first:UInt64}}, {{count:UInt64}})
"""
CENTROIDS = 250


def filled(store: Store, total: int) -> None:
    """Make the events, and the rollups of them."""
    for first in range(0, total, CHUNK):
        text = MADE.replace("{total:UInt64}", str(total)).replace("{first:UInt64}", str(first))
        store.command(text.replace("{count:UInt64}", str(min(CHUNK, total - first))))
    usage = ", ".join(
        f"{'max' if name.endswith('_max') else 'sum'}({sql})"
        for name, sql in USAGE_SOURCE.of_event.items()
        if name in USAGE_SOURCE.table.measures
    )
    measures = ", ".join(name for name in USAGE_SOURCE.of_event if name in USAGE_SOURCE.table.measures)
    keys = "assumeNotNull(provider), assumeNotNull(model)"
    hour = "toStartOfHour(timestamp) AS hour"
    for day in range(DAYS):
        span = f"timestamp >= toDateTime({START + day * 86400}) AND timestamp < toDateTime({START + (day + 1) * 86400})"
        rows = f"FROM events WHERE {span} AND {USAGE_SOURCE.counted}"
        store.command(
            f"INSERT INTO usage_1h (project_id, bucket, provider, model, agent_id, task_type, partition, {measures}, "
            f"version) SELECT project_id, {hour}, {keys}, '', '', log_partition, {usage}, 1 {rows} "
            "GROUP BY project_id, hour, provider, model, log_partition"
        )
        sizes = "arrayMap(part -> length(part), parts)"
        store.command(
            "INSERT INTO latency_1h (project_id, bucket, provider, model, partition, latency_means, latency_weights, "
            "ttft_means, ttft_weights, version) "
            "WITH arraySort(groupArray(toFloat32(latency_ms))) AS sorted, "
            f"toUInt32(ceil(length(sorted) / {CENTROIDS})) AS size, "
            "arrayMap(at -> arraySlice(sorted, at * size + 1, size), range(toUInt32(ceil(length(sorted) / size)))) "
            "AS parts "
            f"SELECT project_id, {hour}, {keys}, log_partition, arrayMap(part -> toFloat32(arrayAvg(part)), parts), "
            f"CAST({sizes}, 'Array(UInt32)'), [], [], 1 {rows} "
            "GROUP BY project_id, hour, provider, model, log_partition"
        )


def queries() -> Iterator[tuple[str, dict[str, Any]]]:
    """The mixed set: what dashboards ask again and again, and what people ask when they look for something."""
    concrete = {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}
    usage = [
        {"type": kind, "column": name}
        for kind, name in (("sum", "inputTokens"), ("sum", "outputTokens"), ("sum", "costInUSD"), ("avg", "latencyMs"))
    ]
    p99 = [{"type": "p99", "column": "latencyMs"}, {"type": "p50", "column": "latencyMs"}]
    failed = {"fieldName": "isFailure", "operator": "EQUAL", "value": True}
    month, week = ("2026-11-01", "2026-12-01"), ("2026-11-20", "2026-11-27")
    day, edges = ("2026-11-20", "2026-11-21"), ("2026-11-03T11:17:00Z", "2026-11-29T16:43:00Z")
    for name, window in (("month", month), ("week", week), ("day", day), ("26 days, unaligned", edges)):
        yield f"sums, {name}", asked(window, usage, [], [concrete])
        yield f"sums by model, {name}", asked(window, usage, ["modelName"], [concrete])
        yield f"percentiles by model, {name}", asked(window, p99, ["modelName"], [concrete])
        yield f"failures by day, {name}", asked(window, [], [], [concrete, failed], "1 day")
        yield f"cost by hour, {name}", asked(window, usage[2:3], [], [concrete], "1 hour")
        yield f"p99 by day, {name}", asked(window, p99[:1], [], [concrete], "1 day")
    text = {"fieldName": "modelName", "operator": "STRING_STARTS_WITH", "value": "model-1"}
    trace = {"fieldName": "traceId", "operator": "EQUAL", "value": "0123456789abcdef0123456789abcdef"}
    session = {"fieldName": "conversationID", "operator": "EQUAL", "value": "session-4711"}
    staging = {"metadataKey": "environment", "operator": "EQUAL", "value": "staging"}
    slow = {"fieldName": "latencyMs", "operator": "GREATER_THAN", "value": 5000}
    cache = [{"type": "sum", "column": "potentialCostSavings"}]
    tools = [{"type": "p95", "column": "latencyMs"}]
    yield "all rows by virtual model, month", asked(month, usage, ["virtualModel"], [])
    yield "by user, week", asked(week, usage, ["userEmail"], [])
    yield "by team, month", asked(month, usage, ["team"], [])
    yield "by metadata, week", asked(week, usage, ["metadata.feature"], [staging])
    yield "one trace, month", asked(month, usage, [], [trace])
    yield "one conversation, month", asked(month, usage, ["modelName"], [session])
    yield "slow calls by model, week", asked(week, [], ["modelName"], [slow])
    yield "error codes by day, month", asked(month, [], ["errorCode"], [failed], "1 day")
    yield (
        "distinct models by user type, week",
        asked(week, [{"type": "countDistinct", "column": "modelName"}], ["createdBySubjectType"], []),
    )
    yield "time to first token, week", asked(week, [{"type": "p90", "column": "timeToFirstTokenMs"}], ["modelName"], [])
    yield "quarter hours of a day", asked(day, usage, [], [concrete], "15 minutes")
    yield "models by name, day", asked(day, usage, ["modelName", "providerAccountType"], [text])
    yield "cache, month", asked(month, cache, ["cacheLookupStatus"], [], datasource="cacheMetrics")
    yield "tools, week", asked(week, tools, ["toolName"], [], datasource="mcpMetrics")
    yield "guardrails by day, month", asked(month, [], [], [], "1 day", datasource="guardrailMetrics")
    yield "agents, month", asked(month, tools, ["agentName"], [], datasource="agentMetrics")


@dataclass(frozen=True)
class Measured:
    """What a query took, in milliseconds on the clock and of the processor, and where it was answered from."""

    wall_ms: float
    work_ms: float
    origin: str


def asked(window, aggregations, groups, filters, interval=None, *, datasource="modelMetrics") -> dict[str, Any]:
    body = {
        "startTs": window[0],
        "endTs": window[1],
        "datasource": datasource,
        "type": "timeseries" if interval else "distribution",
        "aggregations": aggregations,
        "groupBy": groups,
        "filters": filters,
    }
    return body | ({"interval": interval} if interval else {})


def measured(store: Store, body: dict[str, Any], projects: list[str], *, by_rollups: bool) -> Measured:
    """The median times of a query, and where it was answered from."""
    plan = planned(read_query(body), by_rollups=by_rollups)
    question = metrics_question("metrics", plan, projects, 11_001)
    walls, works = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter(), time.process_time()
        store.ask(question)
        walls.append(time.perf_counter() - began[0])
        works.append(time.process_time() - began[1])
    origin = str(question.origin.name).lower()
    return Measured(statistics.median(walls) * 1e3, statistics.median(works) * 1e3, origin)


def sizes(store: Store) -> list[tuple[str, int, int]]:
    """Rows and bytes on disk of each table."""
    return store.ask(
        Query(
            "sizes",
            "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts "
            "WHERE active AND database = currentDatabase() AND rows > 0 GROUP BY table ORDER BY 3 DESC",
        )
    )


def columns(store: Store) -> list[tuple[str, int]]:
    """Bytes on disk of the events table's largest columns."""
    return store.ask(
        Query(
            "columns",
            "SELECT name, data_compressed_bytes FROM system.columns WHERE table = 'events' "
            "AND database = currentDatabase() ORDER BY 2 DESC LIMIT 12",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as place:
        dsn = f"chdb://{(given.data or Path(place)).resolve()}"
        migrate(Settings(clickhouse=dsn, database="asked", events_retention_days=4000, rollup_retention_days=4000))
        with closing(open_store(dsn, "asked")) as store, closing(a_reader(dsn)) as reader:
            began = time.monotonic()
            if not store.ask(Query("any", "SELECT 1 FROM events LIMIT 1")):
                filled(store, given.events)
                for table in ("events", "usage_1h", "latency_1h"):
                    store.command(f"OPTIMIZE TABLE {table} FINAL")
            print(f"filled in {time.monotonic() - began:.0f} s")
            report(reader, given.json)


def a_reader(dsn: str) -> Store:
    """A store as the API opens it, but more patient."""
    return open_store(dsn, "asked", read_only=True, limits=ReadLimits(seconds=600))


def report(store: Store, into: Path | None) -> None:
    """Measure, print, and write."""
    for table, rows, size in sizes(store):
        print(f"{table:16}{rows:>12,} rows{size / 1e6:>10.1f} MB{size / rows:>8.1f} bytes a row")
    print(", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in columns(store)))
    print(f"{'clock ms / processor ms':44}" + "".join(f"{f'{whose}, {way}':>20}" for whose, way in WAYS), flush=True)
    found = []
    for name, body in queries():
        times: dict[str, Measured] = {}
        for whose, way in WAYS:
            planned_one = times.get(f"{whose}, planned")
            if planned_one is None or planned_one.origin != "events":
                times[f"{whose}, {way}"] = measured(store, body, PROJECTS[whose], by_rollups=way == "planned")
            else:
                times[f"{whose}, {way}"] = planned_one  # the plan is to ask events: the same question
        origin = times["one project, planned"].origin
        found.append(
            {"query": name, "origin": origin} | {way: (one.wall_ms, one.work_ms) for way, one in times.items()}
        )
        print(f"{name:36}{origin:8}" + "".join(shown(one.wall_ms, one.work_ms) for one in times.values()), flush=True)
    for part in (0.5, 0.95):
        print(f"{f'p{part * 100:.0f}':44}" + "".join(shown(*(percentile(found, way, part))) for way in WAYS))
    if into:
        into.write_text(json.dumps(found, indent=2) + "\n")


def percentile(found: list[dict[str, Any]], way: tuple[str, str], part: float) -> tuple[float, float]:
    """A percentile over the queries, on the clock and of the processor."""
    walls, works = zip(*(row[", ".join(way)] for row in found), strict=True)
    return tuple(sorted(times)[int(part * len(times))] for times in (walls, works))


def shown(wall_ms: float, work_ms: float) -> str:
    return f"{f'{wall_ms:.1f} / {work_ms:.1f}':>20}"


if __name__ == "__main__":
    main()
