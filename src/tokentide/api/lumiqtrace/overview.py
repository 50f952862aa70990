"""What does the overview ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import Kpis, Overview, RecentError, TimelineBucket, TopModel
from tokentide.api.lumiqtrace.period import Period, bucket_starts_ms, timeline_step_ms
from tokentide.api.printed import dollars, milliseconds, share
from tokentide.api.times import iso_millis, iso_seconds
from tokentide.store.queries.failures import recent_failures
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, totals
from tokentide.store.queries.window import NO_EVENTS

__all__ = ["asked", "shaped"]

_TOP_MODELS = 5
_RECENT_ERRORS = 10


def asked(scope: Scope, period: Period) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows; the last one only when events are kept."""
    measures = ("requests", "error", "timeout", "rate_limited", "cost_nanos", "latency_us")
    step_seconds = timeline_step_ms(period) // 1000
    questions = [
        totals("overview_timeline", USAGE_SOURCE, scope, measures, by=[BUCKET], step_seconds=step_seconds),
        totals("overview_models", USAGE_SOURCE, scope, ("cost_nanos", "requests"), by=["model"]),
    ]
    if scope.events_from_ms != NO_EVENTS:
        questions.append(recent_failures(scope, _RECENT_ERRORS))
    return questions


def shaped(period: Period, timeline: Rows, models: Rows, failures: Rows = ()) -> Overview:
    """The answer.

    Args:
        period: what was asked.
        timeline: (bucket, requests, error, timeout, rate_limited, cost_nanos, latency_us).
        models: (model, cost_nanos, requests).
        failures: (event_id, model, status, error_code, time_ms), newest first.
    """
    return Overview(
        kpis=_kpis(timeline),
        timeline=_timeline(period, timeline),
        top_models=[
            TopModel(model=model, cost=dollars(cost_nanos), requests=requests)
            for model, cost_nanos, requests in sorted(models, key=lambda row: (-row[1], -row[2], row[0]))[:_TOP_MODELS]
        ],
        recent_errors=[
            RecentError(event_id=event_id, model=model, status=status, error_code=code, timestamp=iso_millis(time_ms))
            for event_id, model, status, code, time_ms in failures
        ],
    )


def _kpis(timeline: Rows) -> Kpis:
    requests = sum(row[1] for row in timeline)
    return Kpis(
        total_requests=requests,
        total_cost=dollars(sum(row[5] for row in timeline)),
        avg_latency=milliseconds(sum(row[6] for row in timeline), requests),
        error_rate=share(sum(_errors(row) for row in timeline), requests),
    )


def _timeline(period: Period, timeline: Rows) -> list[TimelineBucket]:
    found = {row[0] * 1000: (row[1], dollars(row[5]), _errors(row)) for row in timeline}
    listed = []
    for start_ms in bucket_starts_ms(period, timeline_step_ms(period), found):
        requests, cost, errors = found.get(start_ms, (0, 0.0, 0))
        listed.append(TimelineBucket(hour=iso_seconds(start_ms), requests=requests, cost=cost, errors=errors))
    return listed


def _errors(row: tuple[int, ...]) -> int:
    return row[2] + row[3] + row[4]
