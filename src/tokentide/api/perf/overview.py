"""What does the overview ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from tokentide.api.engine import Rows
from tokentide.api.perf import figures
from tokentide.api.perf.days import Days
from tokentide.api.perf.models import ModelShare, OverviewSummary, PerfOverview, PeriodOfDays, Routing
from tokentide.api.printed import dollars, milliseconds, share
from tokentide.api.sums import Sums, added
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import Question, Scope, breakdowns, parted

__all__ = ["asked", "shaped"]

_SETS = [("model",), ("task_type",)]
_MEASURES = (
    "requests",
    "cost_nanos",
    "latency_us",
    "failures",
    "routing_verdicts",
    "routing_correct",
    "fallbacks",
    "retried",
)


def asked(scope: Scope) -> list[Question]:
    """The question whose rows `shaped` takes."""
    return [breakdowns("perf_overview", USAGE_SOURCE, scope, _MEASURES, sets=_SETS)]


def shaped(days: Days, usage: Rows) -> PerfOverview:
    """The answer, from sums by model and by task."""
    model_rows, task_rows = parted(_SETS, usage)
    models = figures.by_model(model_rows, _MEASURES)
    total = added(models.values())
    calls = total["requests"]
    return PerfOverview(
        period=PeriodOfDays.of(days),
        summary=OverviewSummary(
            total_calls=calls,
            total_cost_usd=dollars(total["cost_nanos"]),
            avg_cost_per_call=dollars(total["cost_nanos"], calls),
            avg_latency_ms=milliseconds(total["latency_us"], calls),
            success_rate=figures.success_rate(total),
        ),
        routing=Routing(
            accuracy=share(total["routing_correct"], total["routing_verdicts"]),
            fallback_rate=share(total["fallbacks"], calls),
            retry_rate=share(total["retried"], calls),
        ),
        models={model: _model(sums, calls) for model, sums in models.items()},
        task_distribution={
            task: share(sums["requests"], calls) for task, sums in figures.by_task(task_rows, _MEASURES).items()
        },
    )


def _model(sums: Sums, all_calls: int) -> ModelShare:
    calls = sums["requests"]
    return ModelShare(
        calls=calls,
        percentage=share(calls, all_calls),
        avg_cost=dollars(sums["cost_nanos"], calls),
        avg_latency_ms=milliseconds(sums["latency_us"], calls),
    )
