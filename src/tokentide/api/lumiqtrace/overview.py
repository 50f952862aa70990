"""What does the overview ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from typing import Any

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import Kpis, Overview, RecentError, TimelineBucket, TopModel
from tokentide.api.period import Period
from tokentide.api.printed import dollars, milliseconds, share
from tokentide.api.ranking import dearest_first
from tokentide.api.series import bucket_starts_ms
from tokentide.api.times import DAY_MS, HOUR_MS, iso_millis, iso_seconds
from tokentide.store.queries.failures import recent_failures
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, parted
from tokentide.store.queries.window import NO_EVENTS

__all__ = ["asked", "shaped", "timeline_step_ms"]

_SETS = [(BUCKET,), ("model",)]
_MEASURES = ("requests", "cost_nanos", "latency_us", "error", "timeout", "rate_limited")
_TOP_MODELS = 5
_RECENT_ERRORS = 10
_HOURLY_UP_TO_MS = 7 * DAY_MS


def asked(scope: Scope, period: Period) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows; the second one only when events are kept."""
    step_seconds = timeline_step_ms(period) // 1000
    usage = breakdowns("overview", USAGE_SOURCE, scope, _MEASURES, sets=_SETS, step_seconds=step_seconds)
    return [usage] if scope.events_from_ms == NO_EVENTS else [usage, recent_failures(scope, _RECENT_ERRORS)]


def shaped(period: Period, usage: Rows, failures: Rows = ()) -> Overview:
    """The answer.

    Args:
        period: what was asked.
        usage: sums by bucket, and by model.
        failures: (event_id, model, status, error_code, time in milliseconds), newest first.
    """
    timeline, models = parted(_SETS, usage)
    return Overview(
        kpis=_kpis(timeline),
        timeline=_timeline(period, timeline),
        top_models=[
            TopModel(model=model, cost=dollars(cost_nanos), requests=requests)
            for model, requests, cost_nanos, *_ in dearest_first(models)[:_TOP_MODELS]
        ],
        recent_errors=[
            RecentError(event_id=event_id, model=model, status=status, error_code=code, timestamp=iso_millis(time_ms))
            for event_id, model, status, code, time_ms in failures
        ],
    )


def timeline_step_ms(period: Period) -> int:
    """Length of the buckets of a timeline: hours up to seven days, else days."""
    return HOUR_MS if period.end_ms - period.start_ms <= _HOURLY_UP_TO_MS else DAY_MS


def _kpis(timeline: Rows) -> Kpis:
    requests, cost_nanos, latency_us, *failed = (sum(row[place] for row in timeline) for place in range(1, 7))
    return Kpis(
        total_requests=requests,
        total_cost=dollars(cost_nanos),
        avg_latency=milliseconds(latency_us, requests),
        error_rate=share(sum(failed), requests),
    )


def _timeline(period: Period, timeline: Rows) -> list[TimelineBucket]:
    found = {row[0] * 1000: row for row in timeline}
    starts_ms = bucket_starts_ms(period, timeline_step_ms(period), found)
    return [_bucket(start_ms, found.get(start_ms, (0,) * 7)) for start_ms in starts_ms]


def _bucket(start_ms: int, row: tuple[Any, ...]) -> TimelineBucket:
    _, requests, cost_nanos, _, *failed = row
    return TimelineBucket(hour=iso_seconds(start_ms), requests=requests, cost=dollars(cost_nanos), errors=sum(failed))
