"""What the tables hold, by plain SQL, in the oracle's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.oracle.rollups import MODES, STATUSES, TOKENS

__all__ = ["COLUMNS", "stored_events", "stored_rows"]

Ask = Callable[[str], list[tuple[Any, ...]]]

_KEYS = {
    "usage_1h": ("provider", "model", "agent_id", "task_type"),
    "latency_1h": ("provider", "model"),
    "errors_1h": ("error_code", "provider", "model"),
    "rate_limits_1m": ("provider", "model"),
    "provider_health_5m": ("provider",),
}
COLUMNS = {
    "usage_1h": (
        *("requests", *STATUSES, *TOKENS, "cost_nanos", "latency_us", "latency_us_max", "ttft_us", "ttft_count"),
        *("quality_sum", "quality_count", "complexity_sum", "complexity_count", "failures"),
        *(f"failed_{mode}" for mode in MODES),
        *("recovered_by_retry", "recovered_by_fallback", "fallbacks", "retried", "ceiling_hits"),
        *("routing_verdicts", "routing_correct", "pinned", "version"),
    ),
    "latency_1h": ("latency_means", "latency_weights", "ttft_means", "ttft_weights", "version"),
    "errors_1h": ("errors", "last_seen_ms", "last_event_id", "version"),
    "rate_limits_1m": ("rate_limited", "version"),
    "provider_health_5m": ("requests", "errors", "rate_limited", "latency_us", "version"),
}
"""The measures of every rollup table, as the schema names them."""


def stored_rows(ask: Ask, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Every row of a rollup table, by partition, project, second and dimensions."""
    keys, columns = ("partition", "project_id", "toUInt32(bucket)", *_KEYS[table]), COLUMNS[table]
    rows = ask(f"SELECT {', '.join((*keys, *columns))} FROM {table} FINAL")
    found = {row[: len(keys)]: dict(zip(columns, row[len(keys) :], strict=True)) for row in rows}
    if table == "latency_1h":
        return {key: _as_digests(row) for key, row in found.items()}
    return found


def stored_events(ask: Ask, begins: Mapping[int, int]) -> dict[tuple[int, int, int], tuple[Any, ...]]:
    """The event rows from given offsets on, by partition, offset and index."""
    below = " AND ".join(f"NOT (log_partition = {number} AND log_offset < {begin})" for number, begin in begins.items())
    rows = ask(
        "SELECT log_partition, log_offset, log_index, project_id, event_id, toUnixTimestamp64Milli(timestamp), status, "
        f"latency_ms, input_tokens, toInt64(cost_usd * 1000000000) FROM events FINAL WHERE {below or 'true'}"
    )
    return {row[:3]: row[3:] for row in rows}


def _as_digests(row: dict[str, Any]) -> dict[str, Any]:
    digests = {name: (row[f"{name}_means"], row[f"{name}_weights"]) for name in ("latency", "ttft")}
    return digests | {"version": row["version"]}
