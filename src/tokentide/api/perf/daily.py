"""What do the daily figures ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from tokentide.api.engine import Rows
from tokentide.api.perf import figures
from tokentide.api.perf.days import Days
from tokentide.api.perf.reports import Daily, DailyTrends, Dates, Day, Quality, Volume
from tokentide.api.printed import dollars, fraction, milliseconds
from tokentide.api.sums import Sums, added
from tokentide.api.times import DAY_MS, iso_day
from tokentide.api.trends import A_HUNDREDTH, Course, course
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, parted

__all__ = ["asked", "mean_growth", "shaped", "trends"]

_SETS = [(BUCKET, "model"), (BUCKET, "task_type")]
_MEASURES = ("requests", "cost_nanos", "latency_us", "failures", "quality_sum", "quality_count")
_VOLUME: Mapping[Course, Volume] = {-1: "decreasing", 0: "stable", 1: "increasing"}
_QUALITY: Mapping[Course, Quality] = {-1: "degrading", 0: "stable", 1: "improving"}


def asked(scope: Scope) -> list[Question]:
    """The question whose rows `shaped` takes."""
    step_seconds = DAY_MS // 1000
    return [breakdowns("perf_daily", USAGE_SOURCE, scope, _MEASURES, sets=_SETS, step_seconds=step_seconds)]


def shaped(days: Days, usage: Rows) -> Daily:
    """The answer, from sums by day and model, and by day and task."""
    model_rows, task_rows = (_by_day(rows) for rows in parted(_SETS, usage))
    models = [figures.by_model(model_rows.get(start_ms, ()), _MEASURES) for start_ms in days.starts_ms]
    tasks = [figures.by_task(task_rows.get(start_ms, ()), _MEASURES) for start_ms in days.starts_ms]
    return Daily(
        period=Dates(start_date=iso_day(days.window.start_ms), end_date=iso_day(days.today_ms)),
        daily_data=[_day(*told) for told in zip(days.starts_ms, models, tasks, strict=True)],
        trends=trends([added(of_day.values()) for of_day in models]),
    )


def trends(days: Sequence[Sums]) -> DailyTrends:
    """The second half of the days held against the first; an odd day in the middle is in neither."""
    half = len(days) // 2
    before, now = added(days[:half]), added(days[len(days) - half :])
    return DailyTrends(
        calls_trend=_VOLUME[course(now["requests"], before["requests"])],
        cost_trend=_VOLUME[course(now["cost_nanos"], before["cost_nanos"])],
        quality_trend=_QUALITY[course(*_qualities(now, before), A_HUNDREDTH)],
        avg_daily_growth=fraction(mean_growth([of_day["requests"] for of_day in days])),
    )


def mean_growth(calls: Sequence[int]) -> Fraction:
    """By what share calls grew from one day to the next, in the mean over all days that follow one with calls."""
    grown = [Fraction(now, before) - 1 for before, now in pairwise(calls) if before]
    return sum(grown, Fraction(0)) / len(grown) if grown else Fraction(0)


def _qualities(now: Sums, before: Sums) -> tuple[Fraction, Fraction]:
    """Both mean scores; both success rates, where one of the two has no score."""
    if now["quality_count"] and before["quality_count"]:
        return figures.mean(now, "quality"), figures.mean(before, "quality")
    return _successes(now), _successes(before)


def _successes(sums: Sums) -> Fraction:
    calls = sums["requests"]
    return Fraction(calls - sums["failures"], calls) if calls else Fraction(0)


def _by_day(rows: Rows) -> dict[int, list[tuple[object, ...]]]:
    found: dict[int, list[tuple[object, ...]]] = {}
    for start, *rest in rows:
        found.setdefault(start * 1000, []).append(tuple(rest))
    return found


def _day(start_ms: int, models: Mapping[str, Sums], tasks: Mapping[str, Sums]) -> Day:
    total = added(models.values())
    return Day(
        date=iso_day(start_ms),
        total_calls=total["requests"],
        total_cost_usd=dollars(total["cost_nanos"]),
        avg_latency_ms=milliseconds(total["latency_us"], total["requests"]),
        success_rate=figures.success_rate(total),
        model_distribution={model: sums["requests"] for model, sums in models.items()},
        task_distribution={task: sums["requests"] for task, sums in tasks.items()},
    )
