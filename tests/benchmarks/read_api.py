"""B9: how long the read API takes to answer, in process, on 2.2 million rollup rows: every endpoint of every dialect.

    python -m tests.benchmarks.read_api [--rounds N] [--events N] [--history DAYS] [--sealed DAYS] [--days 1,7,30,90]
        [--all-projects] [--json FILE]

What is asked is about one project, or with `--all-projects` about all fifty, and its windows end now, so that they
begin and end within an hour wherever a dialect allows that. The reference are LumiqTrace's answers from events alone.
Prints a table of milliseconds, on the clock and of CPU time (which a busy machine does not stretch).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from tests.benchmarks.figures import Figure
from tests.benchmarks.read_rows import DAY_MS, PROJECTS, fill
from tokentide import clock
from tokentide.api.late_store import LateStore
from tokentide.api.times import iso_millis
from tokentide.serving.app import create_app
from tokentide.settings import Settings
from tokentide.store import Store, open_store
from tokentide.store.access import create_key
from tokentide.store.queries.window import Split, Window

__all__ = ["answers"]

ROOT = Path(__file__).parents[2]
MOST_HOURS = 168
ASKED_P50_MS, ASKED_P95_MS, ASKED_RATIO = 25.0, 60.0, 3.0
REQUESTS_OF_A_KEY = 250
LUMIQTRACE, RAW = "lumiqtrace", " from events"

Times = dict[tuple[str, int], list[tuple[float, float]]]
"""By what is asked and over how many days: the seconds of each answer, on the clock and of CPU time."""


def answers(*, short: bool) -> Iterator[Figure]:
    """Over 30 days for one project: the slowest endpoint of LumiqTrace; all are printed.

    In a process of its own, for one process can open the embedded engine once.
    """
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as place:
        found = Path(place) / "found.json"
        sizes = (
            ["--rounds", "3", "--events", "500000", "--history", "31", "--sealed", "8"]
            if short
            else ["--rounds", "20", "--events", "20000000"]
        )
        command = [sys.executable, "-m", "tests.benchmarks.read_api", *sizes, "--json", str(found)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
        told: dict[str, dict[str, float]] = json.loads(found.read_text())
    ours = {name: times for name, times in told.items() if name.startswith(LUMIQTRACE) and not name.endswith(RAW)}
    worst = max(ours, key=lambda name: ours[name]["p50"])
    slowest = max(ours, key=lambda name: ours[name]["p95"])
    yield Figure("B9", "p50", ours[worst]["p50"], "ms", ASKED_P50_MS, at_most=True, runs=[told])
    yield Figure("B9", "p95", ours[slowest]["p95"], "ms", ASKED_P95_MS, at_most=True)
    for_events, for_rollups = told[worst + RAW]["p50"], ours[worst]["p50"]
    name = "the same answer from single events"
    ratio = round(for_events / for_rollups, 2)
    yield Figure("B9", "ratio", ratio, "x", ASKED_RATIO, for_rollups, for_events, name)


def questions(days: int, now_ms: int, narrowed: dict[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
    """What is asked, by what it is called in the table: every endpoint of the dialects that answer GET."""
    start, end = iso_millis(now_ms - days * DAY_MS), iso_millis(now_ms)
    project = "project-7"
    bounds = {"start": start, "end": end}
    asked = {
        "lumiqtrace overview": (f"/v1/projects/{project}/overview", bounds),
        "lumiqtrace costs": ("/v1/costs", bounds | {"projectId": project}),
        "lumiqtrace performance": ("/v1/performance", bounds | {"projectId": project}),
        "lumiqtrace errors": ("/v1/errors", bounds | {"projectId": project}),
        "agentlens analytics": (
            "/api/analytics/llm",
            {"from": start, "to": end, "granularity": "hour" if days < 30 else "day"} | narrowed,
        ),
        "agentlens events": ("/api/events", {"from": start, "to": end, "limit": "10"} | narrowed),
    }
    for name in ("overview", "customer", "performance", "failures", "daily"):
        asked[f"perf {name}"] = (f"/v1/metrics/{name}", {"days": str(days)} | narrowed)
    hours = str(min(days * 24, MOST_HOURS))
    asked["perf providers"] = ("/v1/metrics/providers", {"hours": hours} | narrowed)
    return asked


TF_PATH = "/api/svc/v1/llm-gateway/metrics/query"


def metrics_body(days: int, now_ms: int) -> dict[str, Any]:
    """TrueFoundry's endpoint: cost, calls and a percentile by model and day, of all projects of the key."""
    return {
        "startTs": iso_millis(now_ms - days * DAY_MS),
        "endTs": iso_millis(now_ms),
        "datasource": "modelMetrics",
        "type": "timeseries",
        "intervalInSeconds": 86_400,
        "filters": [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}],
        "groupBy": ["modelName"],
        "aggregations": [{"type": "sum", "column": "costInUSD"}, {"type": "p99", "column": "latencyMs"}],
    }


class Asking:
    """A client with keys that may ask often enough."""

    def __init__(self, store: Store, http: httpx.AsyncClient) -> None:
        self._store, self._http, self._left, self._key = store, http, 0, ""

    async def timed(
        self, path: str, asked: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> tuple[float, float]:
        """How many seconds one answer takes: on the clock, and of this process's CPU time."""
        if not self._left:
            new = create_key(
                self._store, role="read", org="bench", projects=(), tier="enterprise", now_ms=clock.now_ms()
            )
            self._left, self._key = REQUESTS_OF_A_KEY, new.key
            await self._http.get("/v1/costs", headers=self._headers())  # the key is looked up once
        self._left -= 1
        method = "GET" if body is None else "POST"
        began, cpu_before = time.perf_counter(), time.process_time()
        answer = await self._http.request(method, path, params=asked, json=body, headers=self._headers())
        taken = time.perf_counter() - began, time.process_time() - cpu_before
        assert answer.status_code == 200, f"{path} {asked}: {answer.text}"
        return taken

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}


async def measure(settings: Settings, dsn: str, rounds: int, ranges: list[int], narrowed: dict[str, str]) -> Times:
    """The seconds of each question over each range, `rounds` times each, in turns; events alone less often."""
    found: Times = defaultdict(list)
    with (
        closing(open_store(dsn, settings.database)) as writable,
        closing(LateStore(partial(open_store, dsn, settings.database, read_only=True))) as store,
    ):
        projects = [f"project-{number}" for number in range(PROJECTS)]
        create_key(writable, role="read", org="bench", projects=projects, now_ms=clock.now_ms())
        transport = httpx.ASGITransport(create_app(settings, store))
        async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=60) as http:
            asking = Asking(writable, http)
            for turn in range(rounds + 2):
                for days in ranges:
                    for name, (path, asked) in questions(days, clock.now_ms(), narrowed).items():
                        taken = await asking.timed(path, asked)
                        if turn > 1:  # the first two warm it up
                            found[name, days].append(taken)
                    body = metrics_body(days, clock.now_ms())
                    found["truefoundry metrics", days].append(await asking.timed(TF_PATH, body=body))
            for _ in range(max(3, rounds // 8)):
                for name, (path, asked) in questions(30, clock.now_ms(), narrowed).items():
                    if name.startswith(LUMIQTRACE) and 30 in ranges:
                        with mock.patch("tokentide.store.queries.totals.split", events_alone):
                            found[name + RAW, 30].append(await asking.timed(path, asked))
    return found


def events_alone(window: Window, _bucket_seconds: int, _events_from_ms: int) -> Split:
    """A split that leaves nothing to the rollups."""
    return Split(Window(window.start_ms, window.start_ms), (window,), widened=False)


def show(found: Times, ranges: list[int]) -> dict[str, dict[str, float]]:
    """Print p50, p95 and CPU time of each question over each range; those of 30 days."""
    print(f"\n{'ms: p50 / p95, CPU':36}" + "".join(f"{f'{days} d':>21}" for days in ranges))
    told = {}
    for name in dict.fromkeys(name for name, _ in found):
        cells = []
        for days in ranges:
            times = sorted(wall * 1000 for wall, _ in found[name, days])
            if not times:
                continue
            cpu = statistics.median(cpu for _, cpu in found[name, days]) * 1000
            p50, p95 = statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.95))]
            holds = p50 < ASKED_P50_MS and p95 < ASKED_P95_MS
            cells.append(f"{p50:7.1f} /{p95:5.0f},{cpu:4.0f}{' ' if holds else '*'}")
            if days == 30:
                told[name] = {"p50": round(p50, 1), "p95": round(p95, 1), "cpu": round(cpu, 1)}
        print(f"{name:36}" + "".join(f"{cell:>21}" for cell in cells))
    print(f"* misses p50 < {ASKED_P50_MS:.0f} ms, p95 < {ASKED_P95_MS:.0f} ms")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--history", type=int, default=90, help="days of hourly rows: 90 for 2.2 million of usage")
    parser.add_argument("--sealed", type=int, default=31, help="of how many of them daily rows are made")
    parser.add_argument("--days", default="30")
    parser.add_argument("--all-projects", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    ranges, began = [int(days) for days in asked.days.split(",")], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tokentide-bench-") as place:
        dsn = f"chdb://{place}/data"
        settings = Settings.model_validate({"clickhouse": dsn})
        rows = fill(dsn, settings, asked.events, clock.now_ms(), history=asked.history, days=asked.sealed)
        made = ", ".join(f"{table}: {count:,}" for table, count in rows.items())
        print(f"made in {time.monotonic() - began:.0f} s: {made}")
        narrowed = {} if asked.all_projects else {"projectId": "project-7"}
        found = asyncio.run(measure(settings, dsn, asked.rounds, ranges, narrowed))
        print(f"measured by {time.monotonic() - began:.0f} s")
    told = show(found, ranges)
    if asked.json:
        asked.json.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
