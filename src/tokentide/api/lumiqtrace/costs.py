"""What does the cost report ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import CostByModel, Costs, DayCost
from tokentide.api.lumiqtrace.period import Period, bucket_starts_ms
from tokentide.api.printed import dollars, rounded, share
from tokentide.api.times import DAY_MS, iso_day, month_start_ms
from tokentide.store.port import Query
from tokentide.store.queries.progress import first_bucket
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Scope, totals
from tokentide.store.queries.window import Window

__all__ = ["asked", "days_ms", "shaped"]

_FORECAST_DAYS = 30
_NANOS_PER_DOLLAR = 10**9


def asked(scope: Scope, period: Period) -> list[Query]:
    """The questions, in the order in which `shaped` takes their rows."""
    month = replace(scope, window=Window(month_start_ms(period.end_ms), period.window.end_ms))
    by_model = ("cost_nanos", "requests", "input_tokens", "cached_tokens")
    return [
        totals("costs_models", USAGE_SOURCE, scope, by_model, by=["model"]),
        totals("costs_days", USAGE_SOURCE, scope, ("cost_nanos",), by=[BUCKET], step_seconds=DAY_MS // 1000),
        totals("costs_month", USAGE_SOURCE, month, ("cost_nanos",)),
        first_bucket(scope.projects),
    ]


def shaped(period: Period, now_ms: int, found: Sequence[Rows]) -> Costs:
    """The answer.

    Args:
        period: what was asked.
        now_ms: the present moment.
        found: (model, cost_nanos, requests, input_tokens, cached_tokens); (start of the day in seconds, cost_nanos);
            one row (cost_nanos) of the month; (the first hour with a call, in seconds), or no row.
    """
    models, days, month, first = found
    cost_by_day = {start * 1000: cost_nanos for start, cost_nanos in days}
    total_nanos = sum(row[1] for row in models)
    length_ms = days_ms(period, first[0][0] * 1000 if first else None, now_ms)
    return Costs(
        by_model=[
            CostByModel(model=model, total_cost=dollars(nanos), calls=calls, avg_cost=dollars(nanos, calls))
            for model, nanos, calls, *_ in sorted(models, key=lambda row: (-row[1], -row[2], row[0]))
        ],
        daily_trend=[
            DayCost(date=iso_day(start_ms), cost=dollars(cost_by_day.get(start_ms, 0)))
            for start_ms in bucket_starts_ms(period, DAY_MS, cost_by_day)
        ],
        mtd_total=dollars(month[0][0]),
        forecast_30d=rounded(total_nanos * _FORECAST_DAYS * DAY_MS, length_ms * _NANOS_PER_DOLLAR, 6),
        cache_rate=share(sum(row[4] for row in models), sum(row[3] for row in models)),
    )


def days_ms(period: Period, first_ms: int | None, now_ms: int) -> int:
    """How many days the forecast's mean is over, in milliseconds.

    The calendar days of the period count, from the first one on which the project had a call. A day of which the
    period holds only the opening midnight does not count, and of today as last day only what has passed.

    Args:
        period: what was asked.
        first_ms: when the project had its first call; None when it never had one.
        now_ms: the present moment.
    """
    first_day = max(period.start_ms, first_ms or period.start_ms) // DAY_MS
    last_day = (period.end_ms - 1) // DAY_MS
    if last_day < first_day:
        return 0
    length_ms = (last_day - first_day + 1) * DAY_MS
    today = now_ms // DAY_MS
    if last_day == today:
        length_ms -= (today + 1) * DAY_MS - min(period.end_ms, now_ms)
    return length_ms
