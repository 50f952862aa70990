"""What does the cost report ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from dataclasses import replace

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import CostByModel, Costs, DayCost
from tokentide.api.period import Period
from tokentide.api.printed import NANOS_PER_DOLLAR, dollars, rounded, share
from tokentide.api.ranking import dearest_first
from tokentide.api.series import bucket_starts_ms
from tokentide.api.times import DAY_MS, iso_day, month_start_ms
from tokentide.store.port import Query
from tokentide.store.queries.progress import first_bucket
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Scope, breakdowns, parted, totals
from tokentide.store.queries.window import Window

__all__ = ["asked", "forecast_days_ms", "shaped"]

_SETS = [(BUCKET,), ("model",)]
_MEASURES = ("requests", "cost_nanos", "input_tokens", "cached_tokens")
_FORECAST_DAYS = 30


def asked(scope: Scope, period: Period) -> list[Query]:
    """The questions, in the order in which `shaped` takes their rows."""
    month = replace(scope, window=Window(month_start_ms(period.end_ms), period.window.end_ms))
    return [
        breakdowns("costs", USAGE_SOURCE, scope, _MEASURES, sets=_SETS, step_seconds=DAY_MS // 1000),
        totals("costs_of_month", USAGE_SOURCE, month, ("cost_nanos",)),
        first_bucket(scope.projects),
    ]


def shaped(period: Period, now_ms: int, usage: Rows, month: Rows, first: Rows) -> Costs:
    """The answer.

    Args:
        period: what was asked.
        now_ms: the present moment.
        usage: sums by day, and by model.
        month: one row (cost_nanos).
        first: (the first hour with a call, in seconds), or no row.
    """
    days, models = parted(_SETS, usage)
    cost_by_day = {start * 1000: cost_nanos for start, _, cost_nanos, *_ in days}
    forecast_nanos = sum(row[2] for row in models) * _FORECAST_DAYS * DAY_MS
    days_ms = forecast_days_ms(period, first[0][0] * 1000 if first else None, now_ms)
    return Costs(
        by_model=[
            CostByModel(model=model, total_cost=dollars(cost_nanos), calls=calls, avg_cost=dollars(cost_nanos, calls))
            for model, calls, cost_nanos, *_ in dearest_first(models)
        ],
        daily_trend=[
            DayCost(date=iso_day(start_ms), cost=dollars(cost_by_day.get(start_ms, 0)))
            for start_ms in bucket_starts_ms(period, DAY_MS, cost_by_day)
        ],
        mtd_total=dollars(month[0][0]),
        forecast_30d=rounded(forecast_nanos, days_ms * NANOS_PER_DOLLAR, 6),
        cache_rate=share(sum(row[4] for row in models), sum(row[3] for row in models)),
    )


def forecast_days_ms(period: Period, first_ms: int | None, now_ms: int) -> int:
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
    days_ms = (last_day - first_day + 1) * DAY_MS
    today = now_ms // DAY_MS
    return days_ms - ((today + 1) * DAY_MS - min(period.end_ms, now_ms)) if last_day == today else days_ms
