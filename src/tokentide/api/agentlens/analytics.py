"""What do the analytics ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from tokentide.api.agentlens.models import Analytics, ModelUsage, Summary, TimeUsage
from tokentide.api.engine import Rows
from tokentide.api.printed import dollars, milliseconds
from tokentide.api.sums import Sums, added, sums_by
from tokentide.api.times import DAY_MS, HOUR_MS, iso_seconds
from tokentide.errors import QueryError
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, parted

__all__ = ["Granularity", "asked", "read_granularity", "shaped", "week_start"]

Granularity = Literal["hour", "day", "week"]

_SETS = [(BUCKET,), ("provider", "model")]
_MEASURES = ("requests", "cost_nanos", "input_tokens", "output_tokens", "latency_us")


def read_granularity(text: str | None) -> Granularity:
    """The length of the buckets; an hour by default.

    Raises:
        QueryError: it is none of them.
    """
    for known in get_args(Granularity):
        if text in {known, None}:
            return known  # type: ignore[no-any-return]
    raise QueryError("Invalid granularity. Use: hour, day, week")


def asked(scope: Scope, granularity: Granularity) -> list[Question]:
    """The question whose rows `shaped` takes; weeks are made of days."""
    step_ms = HOUR_MS if granularity == "hour" else DAY_MS
    return [breakdowns("analytics", USAGE_SOURCE, scope, _MEASURES, sets=_SETS, step_seconds=step_ms // 1000)]


def shaped(granularity: Granularity, usage: Rows) -> Analytics:
    """The answer.

    Args:
        granularity: how long the buckets are.
        usage: sums by hour or by day, and by provider and model.
    """
    times, models = parted(_SETS, usage)
    by_time = sums_by(times, _MEASURES, key=lambda row: _bucket(row, granularity))
    by_model = sums_by(models, _MEASURES, key=lambda row: (row[0], row[1]))
    return Analytics(
        summary=_summary(added(by_model.values())),
        by_model=[
            ModelUsage(provider=provider, model=model, **_usage(sums))
            for (provider, model), sums in sorted(by_model.items(), key=lambda item: (-item[1]["cost_nanos"], item[0]))
        ],
        by_time=[TimeUsage(bucket=iso_seconds(start * 1000), **_usage(sums)) for start, sums in by_time.items()],
    )


def week_start(seconds: int) -> int:
    """The Monday 00:00:00Z at or before a moment, both in seconds since the epoch."""
    return seconds // 86400 * 86400 - datetime.fromtimestamp(seconds, UTC).weekday() * 86400


def _bucket(row: Sequence[Any], granularity: Granularity) -> int:
    return week_start(row[0]) if granularity == "week" else int(row[0])


def _summary(sums: Sums) -> Summary:
    calls = sums["requests"]
    return Summary(
        total_calls=calls,
        total_cost_usd=dollars(sums["cost_nanos"]),
        total_input_tokens=sums["input_tokens"],
        total_output_tokens=sums["output_tokens"],
        avg_latency_ms=milliseconds(sums["latency_us"], calls),
        avg_cost_per_call=dollars(sums["cost_nanos"], calls),
    )


def _usage(sums: Sums) -> dict[str, Any]:
    return {
        "calls": sums["requests"],
        "cost_usd": dollars(sums["cost_nanos"]),
        "input_tokens": sums["input_tokens"],
        "output_tokens": sums["output_tokens"],
        "avg_latency_ms": milliseconds(sums["latency_us"], sums["requests"]),
    }
