"""How what a worker did becomes what its metrics say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokentide.events import RefusedAt
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import Counts
from tokentide.store.rows import Progress

__all__ = ["count_folded", "count_refused", "forget_partitions", "show_lag"]


def count_folded(metrics: WorkerMetrics, partition: int, counts: Counts) -> None:
    """Add what was folded of one partition."""
    number = str(partition)
    metrics.counter("records").labels(number).inc(counts.records)
    metrics.counter("bytes").labels(number).inc(counts.bytes)
    metrics.counter("missing_offsets").labels(number).inc(counts.missing)
    metrics.counter("read_events").labels(number).inc(counts.read)
    metrics.counter("events").labels(number).inc(counts.events)
    metrics.counter("duplicates").labels(number).inc(counts.duplicates)
    metrics.counter("skipped").labels(number).inc(counts.skipped)
    metrics.counter("late_events").labels(number).inc(counts.late)
    metrics.counter("overflowed_events").labels(number, "names").inc(counts.other_names)
    metrics.counter("overflowed_events").labels(number, "error_code").inc(counts.other_codes)


def count_refused(metrics: WorkerMetrics, partition: int, refused: Iterable[RefusedAt]) -> None:
    """Add what was refused."""
    for each in refused:
        metrics.counter("dead_letters").labels(str(partition), each.refusal.reason).inc()


def show_lag(metrics: WorkerMetrics, stored: Iterable[Progress], ends: Mapping[int, int]) -> None:
    """Show how much of each partition's log is not stored; nothing where the log's end is unknown."""
    for entry in stored:
        if entry.partition in ends:
            lag = max(0, ends[entry.partition] - entry.position.offset)
            metrics.gauge("lag_records").labels(str(entry.partition)).set(lag)


def forget_partitions(metrics: WorkerMetrics) -> None:
    """Show no partition any more: from now on another worker does."""
    for name in ("lag_records", "committed_offset"):
        metrics.gauge(name).clear()
