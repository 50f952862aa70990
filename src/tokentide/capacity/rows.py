"""How many rows does a load make? Of each table: of an hour, and of the moments between two flushes."""

from __future__ import annotations

from collections.abc import Mapping

from tokentide.capacity.costs import COSTS
from tokentide.capacity.load import Load, distinct

__all__ = ["bucket_bytes", "disk_bytes", "rows_of_a_flush", "rows_of_an_hour"]

_HOUR = 3600.0
_MINUTE = 60.0
_FIVE_MINUTES = 300.0


def rows_of_an_hour(load: Load) -> Mapping[str, float]:
    """Rows that the calls of one hour change, by table, over all projects and partitions."""
    rows = _rows(load, _HOUR)
    rows["rate_limits_1m"] = 60 * _rows(load, _MINUTE)["rate_limits_1m"]
    rows["provider_health_5m"] = 12 * _rows(load, _FIVE_MINUTES)["provider_health_5m"]
    return rows


def rows_of_a_flush(load: Load) -> Mapping[str, float]:
    """Rows that the calls of one flush's interval change, by table, over all workers."""
    return _rows(load, load.flush_interval_seconds)


def bucket_bytes(load: Load) -> float:
    """Memory of the buckets of one hour."""
    rows = rows_of_an_hour(load)
    held = sum(count * COSTS[table].value for table, count in rows.items())
    return held + rows["latency_1h"] * _calls_kept(load, rows) * COSTS["call_bytes"].value


def disk_bytes(load: Load) -> Mapping[str, float]:
    """Bytes of one hour's rows on disk, by table."""
    rows = rows_of_an_hour(load)
    held = {table: count * COSTS[f"{table}_disk"].value for table, count in rows.items()}
    held["latency_1h"] += rows["latency_1h"] * _calls_kept(load, rows) * COSTS["call_disk"].value
    return held


def _calls_kept(load: Load, rows: Mapping[str, float]) -> float:
    """Centroids of a latency row."""
    calls = load.events_per_second * _HOUR / rows["latency_1h"]
    return min(calls, COSTS["centroids"].value)


def _rows(load: Load, seconds: float) -> dict[str, float]:
    """Rows of each table that so many seconds change, if they lie within one bucket."""
    calls = load.calls(seconds)
    names, models = distinct(load.names, calls), distinct(load.models, calls)
    if load.names > load.max_names:  # what is over shares a row of its provider
        names = min(names, load.max_names) + distinct(load.providers, calls)
        models = min(models, load.max_names) + distinct(load.providers, calls)
    of_a_kind = calls * load.failed_share / 3
    errors = distinct(load.models * load.error_codes, of_a_kind) + 2 * distinct(load.models, of_a_kind)
    of_one = {
        "usage_1h": names,
        "latency_1h": models,
        "errors_1h": min(errors, load.max_names + models),
        "rate_limits_1m": distinct(load.models, of_a_kind),
        "provider_health_5m": distinct(load.providers, calls),
    }
    return {table: count * load.sources for table, count in of_one.items()}
