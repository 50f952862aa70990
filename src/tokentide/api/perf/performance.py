"""What does the report on models by task ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from tokentide.api.engine import Rows
from tokentide.api.perf import figures
from tokentide.api.perf.days import Days
from tokentide.api.perf.models import Period
from tokentide.api.perf.reports import ModelPerformance, PerfPerformance, Recommendation, TaskPerformance
from tokentide.api.printed import dollars, fraction, milliseconds
from tokentide.api.sums import Sums, added, sums_by
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import Question, Scope, totals

__all__ = ["asked", "optimal", "recommended", "shaped"]

_MEASURES = ("requests", "failures", "cost_nanos", "latency_us", "quality_sum", "quality_count")
_FEWEST_CALLS = 30

_NONE = f"No model has {_FEWEST_CALLS} calls of this task yet"
_FREE = "Free of charge, with the best {what} of the free models ({quality:.2f})"
_BEST = "Best {what} for its cost: {quality:.2f} at ${cost:.6f} a call"


def asked(scope: Scope) -> list[Question]:
    """The question whose rows `shaped` takes."""
    return [totals("perf_performance", USAGE_SOURCE, scope, _MEASURES, by=["task_type", "model"])]


def shaped(days: Days, wanted: str | None, usage: Rows) -> PerfPerformance:
    """The answer.

    Args:
        days: what was asked.
        wanted: the one task that is asked for; None for all.
        usage: sums by task and model.
    """
    tasks: dict[str, dict[str, Sums]] = {}
    for (task, model), sums in sums_by(usage, _MEASURES, key=lambda row: (figures.task_name(row[0]), row[1])).items():
        tasks.setdefault(task, {})[model] = sums
    order = figures.busiest_first({task: added(models.values()) for task, models in tasks.items()})
    ordered = {task: figures.busiest_first(tasks[task]) for task in order if wanted in {None, task}}
    advice = {task: recommended(task, models) for task, models in ordered.items()}
    return PerfPerformance(
        period=Period.of(days),
        by_task_type={task: _task(models) for task, models in ordered.items()},
        recommendations=[found for found in advice.values() if found],
    )


def optimal(models: Mapping[str, Sums]) -> str | None:
    """The model with the highest quality for its cost, of those with at least thirty calls; None when none has.

    One that costs nothing is better than any that does. Of equal ones the busier, then the first by name.
    """
    able = {model: sums for model, sums in models.items() if sums["requests"] >= _FEWEST_CALLS}

    def worth(model: str) -> tuple[bool, Fraction, int]:
        sums, quality = able[model], figures.quality(able[model])
        if not sums["cost_nanos"]:
            return True, quality, sums["requests"]
        return False, quality * sums["requests"] / sums["cost_nanos"], sums["requests"]

    return max(sorted(able), key=worth, default=None)


def recommended(task: str, models: Mapping[str, Sums]) -> Recommendation | None:
    """To use the optimal model rather than the busiest, when they differ and quality does not suffer."""
    current, best = next(iter(models)), optimal(models)
    if best is None or best == current or figures.quality(models[best]) < figures.quality(models[current]):
        return None
    used, better = models[current], models[best]
    saved = used["cost_nanos"] - Fraction(better["cost_nanos"] * used["requests"], better["requests"])
    return Recommendation(
        task_type=task,
        current_model=current,
        recommended_model=best,
        potential_savings_usd=fraction(max(saved, Fraction(0)) / 10**9),
        quality_improvement=float(figures.quality(better) - figures.quality(used)),
    )


def _task(models: Mapping[str, Sums]) -> TaskPerformance:
    best = optimal(models)
    return TaskPerformance(
        total_calls=figures.calls(models),
        models={model: _model(sums) for model, sums in models.items()},
        optimal_model=best,
        optimal_reason=_NONE if best is None else _reason(models[best]),
    )


def _reason(sums: Sums) -> str:
    what = "quality score" if sums["quality_count"] else "success rate"
    template = _BEST if sums["cost_nanos"] else _FREE
    return template.format(
        what=what, quality=float(figures.quality(sums)), cost=dollars(sums["cost_nanos"], sums["requests"])
    )


def _model(sums: Sums) -> ModelPerformance:
    calls, score = sums["requests"], figures.quality_score(sums)
    return ModelPerformance(
        calls=calls,
        success_rate=figures.success_rate(sums),
        avg_cost_usd=dollars(sums["cost_nanos"], calls),
        avg_latency_ms=milliseconds(sums["latency_us"], calls),
        quality_score=None if score is None else float(score),
    )
