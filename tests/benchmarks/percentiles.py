"""B10: by how much percentiles from many merged hourly digests miss the exact ones, as ClickHouse merges them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tokentide.rollups.sketch import Digest, compress
from tokentide.rollups.tables import LATENCY
from tokentide.store import Query, open_store
from tokentide.store.rows import Batch, columns_of, write

__all__ = ["merged_digests"]

HOURS, CALLS, FLUSHES = 720, 5000, 4
FIRST_HOUR = 1_790_899_200
LEVELS = {"p50": (0.5, 0.2), "p90": (0.9, 0.2), "p99": (0.99, 0.2), "p99.9": (0.999, 1.0)}


def merged_digests(place: Place, seeds: int) -> Iterator[Figure]:
    """720 hours of 5,000 calls each, lognormal with a daily course, every hour flushed in parts."""
    missed = [_missed(place, np.random.default_rng(seed)) for seed in range(seeds)]
    for at, (part, (_, asked)) in enumerate(LEVELS.items()):
        runs = [of_seed[at] for of_seed in missed]
        yield Figure("B10", part, round(max(runs), 3), "%", asked, runs=runs, at_most=True)


def _missed(place: Place, random: np.random.Generator) -> list[float]:
    values, digests = [], [Digest()] * HOURS
    for _ in range(FLUSHES):
        hours = [
            random.lognormal(6.5 + 0.3 * np.sin(hour / 24 * 2 * np.pi), 0.9, CALLS // FLUSHES) for hour in range(HOURS)
        ]
        digests = compress(digests, [hour.tobytes() for hour in hours])
        values += hours
    exact = np.quantile(np.concatenate(values), [level for level, _ in LEVELS.values()])
    levels = ", ".join(str(level) for level, _ in LEVELS.values())
    settings = place.fresh("none")
    rows = [
        ("p", FIRST_HOUR + hour * 3600, "a", "m", 0, digest.mean_list(), digest.weight_list(), [], [], 1)
        for hour, digest in enumerate(digests)
    ]
    store = open_store(place.clickhouse, settings.database)
    try:
        write(store, Batch(LATENCY.name, 0, columns_of(LATENCY), rows))
        sql = f"SELECT quantilesTDigestWeightedArray({levels})(latency_means, latency_weights) FROM {LATENCY.name}"
        ((estimates,),) = store.ask(Query("merged_digests", sql))
    finally:
        store.close()
    return [float(abs(estimate - right) / right * 100) for estimate, right in zip(estimates, exact, strict=True)]
