"""Every Prometheus metric of the project: the closed list, as data, and how a process makes its own from it.

No label takes a value from user data. Nothing is registered at import and nothing is global: a process builds one
`WorkerMetrics` or `ApiMetrics` on a registry of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from tokentide import __version__

__all__ = ["API_METRICS", "COMMON_METRICS", "WORKER_METRICS", "ApiMetrics", "Metric", "WorkerMetrics"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name as a scrape shows it, its kind, what it means, and its labels."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = field(default=(), repr=False)


_FLUSH_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)
_ANSWER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

WORKER_METRICS = (
    Metric("tokentide_records_total", "counter", "Kafka records read and decided", ("partition",)),
    Metric("tokentide_bytes_total", "counter", "bytes of the record values read", ("partition",)),
    Metric(
        "tokentide_missing_offsets_total",
        "counter",
        "offsets at which the log had no record: deleted before it was read, or the mark of a transaction",
        ("partition",),
    ),
    Metric("tokentide_read_events_total", "counter", "events read, whatever became of each", ("partition",)),
    Metric("tokentide_events_total", "counter", "events folded into the rollups or kept as rows", ("partition",)),
    Metric(
        "tokentide_dead_letters_total",
        "counter",
        "events refused and sent to the dead-letter topic",
        ("partition", "reason"),
    ),
    Metric(
        "tokentide_duplicates_total",
        "counter",
        "events left out because their event_id was seen before",
        ("partition",),
    ),
    Metric(
        "tokentide_skipped_total",
        "counter",
        "events left out because the stored rows held them already",
        ("partition",),
    ),
    Metric(
        "tokentide_late_events_total", "counter", "events older than the hot window of their partition", ("partition",)
    ),
    Metric(
        "tokentide_overflowed_events_total",
        "counter",
        "events counted under `__other__`, for their names or for their error_code, because their hour had too many",
        ("partition", "kind"),
    ),
    Metric("tokentide_flush_seconds", "histogram", "time of one flush, rows to commit", buckets=_FLUSH_SECONDS),
    Metric(
        "tokentide_loop_lag_seconds",
        "histogram",
        "how late the event loop came back to a task that asked for it every 20 ms",
        buckets=_LAG_SECONDS,
    ),
    Metric("tokentide_flush_rows_total", "counter", "rows stored", ("table",)),
    Metric("tokentide_flush_failures_total", "counter", "flush attempts that failed and were repeated", ("kind",)),
    Metric(
        "tokentide_retries_total",
        "counter",
        "steps outside of flushes that failed and were repeated",
        ("step",),
    ),
    Metric("tokentide_days_built_total", "counter", "days of a partition of which daily rows were made"),
    Metric("tokentide_days_waiting", "gauge", "days of partitions that are over and have no daily rows that count"),
    Metric("tokentide_lag_records", "gauge", "records in the log that are not stored yet", ("partition",)),
    Metric("tokentide_committed_offset", "gauge", "next offset as committed to Kafka", ("partition",)),
    Metric("tokentide_freshness_seconds", "gauge", "age of the newest moment up to which everything is stored"),
    Metric("tokentide_buckets", "gauge", "buckets in memory", ("table",)),
    Metric("tokentide_dirty_buckets", "gauge", "buckets and event rows in memory that are not stored yet"),
    Metric("tokentide_dedup_ids", "gauge", "event_ids remembered"),
    Metric("tokentide_rebalances_total", "counter", "assignments of partitions"),
    Metric("tokentide_ready", "gauge", "1 while /readyz says yes: partitions are loaded, and the store answers"),
    Metric("tokentide_paused", "gauge", "1 while consumption waits for the store"),
    Metric("tokentide_state_load_seconds", "gauge", "time of the last loading of state after an assignment"),
)
API_METRICS = (
    Metric("tokentide_http_requests_total", "counter", "requests answered", ("dialect", "route", "status")),
    Metric(
        "tokentide_http_request_seconds", "histogram", "time to answer", ("dialect", "route"), buckets=_ANSWER_SECONDS
    ),
    Metric("tokentide_rate_limited_total", "counter", "requests refused because there were too many", ("surface",)),
    Metric(
        "tokentide_ingest_events_total",
        "counter",
        "events sent over HTTP: accepted, refused, over_quota or unavailable",
        ("result",),
    ),
    Metric("tokentide_quota_used_ratio", "gauge", "used share of the monthly quota, highest of all organisations"),
    Metric("tokentide_query_seconds", "histogram", "time of one question to ClickHouse", ("query",), _ANSWER_SECONDS),
    Metric("tokentide_query_read_rows_total", "counter", "rows that ClickHouse read for questions", ("query",)),
    Metric("tokentide_query_read_bytes_total", "counter", "bytes that ClickHouse read for questions", ("query",)),
    Metric("tokentide_queries_cancelled_total", "counter", "questions given up because the client went away"),
)
COMMON_METRICS = (Metric("tokentide_build_info", "gauge", "1; the label tells the version", ("version",)),)


class _Registered:
    """The metrics of one process by name, without the prefix `tokentide_` and the suffix `_total`."""

    def __init__(self, metrics: tuple[Metric, ...], registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the client library would add a second series to each counter
        self.registry = registry
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        for metric in metrics:
            self._made[metric.name] = _make(metric, registry)
        self.gauge("build_info").labels(__version__).set(1)

    def counter(self, name: str) -> Counter:
        """The counter `tokentide_<name>_total`."""
        made = self._made[f"tokentide_{name}_total"]
        assert isinstance(made, Counter)
        return made

    def gauge(self, name: str) -> Gauge:
        """The gauge `tokentide_<name>`."""
        made = self._made[f"tokentide_{name}"]
        assert isinstance(made, Gauge)
        return made

    def histogram(self, name: str) -> Histogram:
        """The histogram `tokentide_<name>`."""
        made = self._made[f"tokentide_{name}"]
        assert isinstance(made, Histogram)
        return made


def _make(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "counter":
        return Counter(metric.name, metric.meaning, metric.labels, registry=registry)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=metric.buckets)


class WorkerMetrics(_Registered):
    """The metrics of a worker."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(WORKER_METRICS + COMMON_METRICS, registry)


class ApiMetrics(_Registered):
    """The metrics of an API process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(API_METRICS + COMMON_METRICS, registry)
