"""The rollup tables as data: what one row of each is about, and what it measures.

These names are the columns of the store; a test holds them against its schema. `bucket` is the start of a half-open
interval of event time, in seconds since the epoch, UTC. Counts and sums are integers: durations in microseconds
(`…_us`), money in nano-dollars. A row also has the `partition` it was folded from and a `version`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ERRORS",
    "FAILURE_MODES",
    "LATENCY",
    "PROVIDER_HEALTH",
    "RATE_LIMITS",
    "TABLES",
    "USAGE",
    "Table",
]

FAILURE_MODES = ("format_violation", "refusal", "hallucination", "incomplete", "reasoning_error", "provider_error")
"""How a call can fail; each failure has exactly one mode."""


@dataclass(frozen=True, slots=True)
class Table:
    """One rollup table.

    Attributes:
        name: in the store.
        bucket_seconds: length of a bucket.
        key: columns that identify a row, in the order of a key tuple; `partition` belongs to it too.
        measures: columns of what was measured, in the order of a bucket's values.
    """

    name: str
    bucket_seconds: int
    key: tuple[str, ...]
    measures: tuple[str, ...]


USAGE = Table(
    "usage_1h",
    3600,
    ("project_id", "bucket", "provider", "model", "agent_id", "task_type"),
    (
        "requests",
        "success",
        "error",
        "timeout",
        "rate_limited",
        "cancelled",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cost_nanos",
        "latency_us",
        "latency_us_max",
        "ttft_us",
        "ttft_count",
        "quality_sum",
        "quality_count",
        "complexity_sum",
        "complexity_count",
        "failures",
        *(f"failed_{mode}" for mode in FAILURE_MODES),
        "recovered_by_retry",
        "recovered_by_fallback",
        "fallbacks",
        "retried",
        "ceiling_hits",
        "routing_verdicts",
        "routing_correct",
        "pinned",
    ),
)
LATENCY = Table(
    "latency_1h",
    3600,
    ("project_id", "bucket", "provider", "model"),
    ("latency_means", "latency_weights", "ttft_means", "ttft_weights"),
)
ERRORS = Table(
    "errors_1h",
    3600,
    ("project_id", "bucket", "error_code", "provider", "model"),
    ("errors", "last_seen_ms", "last_event_id"),
)
RATE_LIMITS = Table("rate_limits_1m", 60, ("project_id", "bucket", "provider", "model"), ("rate_limited",))
PROVIDER_HEALTH = Table(
    "provider_health_5m",
    300,
    ("project_id", "bucket", "provider"),
    ("requests", "errors", "rate_limited", "latency_us"),
)

TABLES = (USAGE, LATENCY, ERRORS, RATE_LIMITS, PROVIDER_HEALTH)
