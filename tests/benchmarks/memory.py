"""How many bytes does a worker's state take: each kind of bucket, and each event_id that it remembers?

    python -m tests.benchmarks.memory [--count N]

Folds so many calls of projects of their own, and looks how much memory is free again (by tracemalloc) when the buckets
of one kind, or the ids, are let go of. What the allocator and the interpreter add is in B8, the RSS.
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Callable, Iterator
from random import Random

from tests.benchmarks.traffic import event
from tests.builders import line
from tests.fakes import FakeRecord
from tokentide.clock import now_ms
from tokentide.events import DecodedEvent, Limits, Stretch, read_stretch
from tokentide.rollups import FoldSettings, PartitionState, Position
from tokentide.rollups.buckets import LatencyBucket
from tokentide.rollups.dedup import DedupWindow

CALLS_OF_A_FULL_DIGEST = 5_000


def events(count: int, projects: int) -> Iterator[DecodedEvent]:
    """Calls that were rate limited, which open buckets of all kinds."""
    random, now = Random(5), now_ms()
    for number in range(count):
        text = line(
            event(random, now / 1000) | {"project_id": f"project-{number % projects}", "status": "rate_limited"}
        )
        yield from read_stretch([FakeRecord(number, now, text)], Limits()).events


def freed_by(let_go: Callable[[], object]) -> int:
    """How many bytes are free again."""
    before, _ = tracemalloc.get_traced_memory()
    let_go()
    return before - tracemalloc.get_traced_memory()[0]


def buckets(count: int) -> Iterator[tuple[str, float]]:
    """Bytes of a bucket of each kind, with its key and its place among the others."""
    state = PartitionState(0, FoldSettings(keep_events=False, dedup_max_ids=1), Position())
    for offset, each in enumerate(events(count, projects=count)):
        state.fold(Stretch([FakeRecord(offset, each.event_time_ms, b"")], 0, [each], [offset], [0], [(0, 1)]))
    for _ in range(2):  # the second one gives up the ways to the buckets
        state.snapshot().acknowledge()
    for kind, held in state.tables.items():
        number = len(held)
        yield kind.table.name, freed_by(held.clear) / number


def ids(count: int) -> float:
    """Bytes of a remembered event_id."""
    windows = [DedupWindow(600_000, count)]
    windows[0].advance(0)
    for each in events(count, projects=50):
        windows[0].repeats([each])
    return freed_by(windows.clear) / count


def a_full_digest() -> float:
    """Bytes of the centroids of a latency bucket of many calls."""
    random = Random(3)
    bucket = LatencyBucket()
    bucket.waiting_latencies_ms.extend(random.lognormvariate(6.5, 0.9) for _ in range(CALLS_OF_A_FULL_DIGEST))
    bucket.waiting_ttfts_ms.extend(random.lognormvariate(5, 0.5) for _ in range(CALLS_OF_A_FULL_DIGEST))
    LatencyBucket.compress_all([bucket])
    sketches = (bucket.latency, bucket.ttft)
    return float(sum(len(sketch.means) + len(sketch.weights) for sketch in sketches))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    asked = parser.parse_args()
    tracemalloc.start()
    for name, size in buckets(asked.count):
        print(f"{name:24}{size:8,.0f} bytes a bucket")
    print(f"{'its digests, when full':24}{a_full_digest():8,.0f} bytes more in a bucket of latency_1h")
    print(f"{'event_id':24}{ids(asked.count):8,.0f} bytes each")


if __name__ == "__main__":
    main()
