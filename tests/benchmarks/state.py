"""B7, B8: how fast a worker has its state back, and how much memory it takes."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from random import Random

from tests.benchmarks.consumers import metric
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.traffic import event, fill, in_records
from tokentide.embedded.processes import Child
from tokentide.kafka import ensure_topics
from tokentide.settings import Settings

__all__ = ["loading_and_memory"]

PROJECTS, MODELS = 300, 180  # each pair has a row of usage and one of latency, each project rows of health
OPEN_BUCKETS = 100_000
PATIENCE_SECONDS = 120.0


def loading_and_memory(place: Place, repetitions: int) -> Iterator[Figure]:
    """A worker folds calls of 54,000 pairs of project and model; then others take its partitions over."""
    settings = place.fresh("events.many-buckets", hot_window_seconds=86_400, events_table=False)
    records = _fill(settings)
    with _worker(place, settings) as (_, port):
        _wait_until(lambda: metric(port, "committed_offset") >= records, "the first worker has stored everything")
    seconds, megabytes, buckets = [], [], 0
    for _ in range(repetitions):
        with _worker(place, settings) as (child, port):
            _wait_until(lambda: metric(port, "buckets") >= OPEN_BUCKETS, f"{OPEN_BUCKETS} buckets are open")
            seconds.append(metric(port, "state_load_seconds"))
            megabytes.append(_rss_megabytes(child.pid))
            buckets = int(metric(port, "buckets"))
    what = f"{buckets:,} open buckets"
    yield Figure("B7", "seconds", round(statistics.median(seconds), 2), "s", 3, None, None, what, seconds, at_most=True)
    yield Figure("B8", "rss", round(statistics.median(megabytes)), "MB", 400, None, None, what, megabytes, at_most=True)


def _fill(settings: Settings) -> int:
    """Events of every pair, in records of 100; how many records."""
    random, now, made = Random(7), time.time(), []
    for project, model in product(range(PROJECTS), range(MODELS)):
        made.append(json.dumps(event(random, now) | {"project_id": f"p{project}", "model": f"m{model}"}).encode())
    random.shuffle(made)
    records = in_records(made, 100)
    asyncio.run(ensure_topics(settings, partitions=4))
    asyncio.run(fill(settings, settings.topic, records))
    return len(records)


@contextmanager
def _worker(place: Place, settings: Settings) -> Iterator[tuple[Child, int]]:
    """A worker, and the port of its metrics."""
    name = place.new_name("state-worker")
    port = place.folder.ports([name])[name]
    environment = place.environment(settings) | {"TOKENTIDE_METRICS_PORT": str(port)}
    child = place.folder.spawn(name, [sys.executable, "-m", "tokentide", "worker"], env=environment)
    try:
        yield child, port
    finally:
        child.stop(20)


def _wait_until(holds, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it did not come to this in {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.2)  # and look again


def _rss_megabytes(pid: int) -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
