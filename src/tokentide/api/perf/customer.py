"""What does the account's report ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from tokentide.api.engine import Rows
from tokentide.api.perf import figures
from tokentide.api.perf.comparison import Prices
from tokentide.api.perf.days import Days
from tokentide.api.perf.models import (
    BehaviorInsights,
    Comparison,
    CostAnalysis,
    Customer,
    Period,
    QualityPreferences,
    TaskProfile,
    Usage,
)
from tokentide.api.printed import dollars, fraction, percent, share
from tokentide.api.ranking import ranked
from tokentide.api.sums import Sums, added, sums_by
from tokentide.api.times import DAY_MS, iso_day, month_start_ms
from tokentide.store.accounts import Account, account_from, account_of
from tokentide.store.port import Query
from tokentide.store.queries.calls import are_kept, calls_of_sessions
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Scope, breakdowns, parted, totals
from tokentide.store.queries.window import Window

__all__ = ["asked", "month_end_dollars", "peak_hours", "shaped", "task_overrides"]

_SETS = [(BUCKET,), ("task_type", "model")]
_MEASURES = (
    "requests",
    "cost_nanos",
    "input_tokens",
    "output_tokens",
    "retried",
    "ceiling_hits",
    "pinned",
    "complexity_sum",
    "complexity_count",
)
_TOP = 2
_PEAKS = 6
_HOURS = 24


def asked(scope: Scope, days: Days, organisation: str) -> list[Query]:
    """The questions, in the order in which `shaped` takes their rows; the last one only when events are kept."""
    months = replace(scope, window=Window(_previous_month_ms(days), days.window.end_ms))
    questions = [
        breakdowns("perf_customer", USAGE_SOURCE, scope, _MEASURES, sets=_SETS),
        totals("perf_months", USAGE_SOURCE, months, ("cost_nanos",), by=[BUCKET], step_seconds=DAY_MS // 1000),
        account_of(organisation),
    ]
    return [*questions, calls_of_sessions(scope)] if are_kept(scope) else questions


def shaped(organisation: str, days: Days, prices: Prices, rows: Sequence[Rows]) -> Customer:
    """The answer.

    Args:
        organisation: whose account it is.
        days: what was asked.
        prices: to compare with, where the account has none of its own.
        rows: of each question: sums by hour, and by task and model; (day, cost_nanos) of this month and the one
            before; what the organisation has set; (calls with a session, sessions), when events are kept.
    """
    usage, months, account, *sessions = rows
    hours, cells = parted(_SETS, usage)
    models = figures.busiest_first(sums_by(cells, _MEASURES, key=lambda row: str(row[1])))
    total, own = added(models.values()), account_from(account)
    return Customer(
        account_id=organisation,
        period=Period.of(days),
        usage=_usage(total, days),
        cost_analysis=_costs(days, months, total, prices.for_account(own)),
        quality_preferences=_preferences(own, models),
        task_profile=TaskProfile(
            dominant_tasks=list(figures.by_task(cells, _MEASURES))[:_TOP],
            complexity_avg=float(figures.mean(total, "complexity")),
            task_overrides=task_overrides(cells),
        ),
        behavior_insights=BehaviorInsights(
            peak_hours=peak_hours({start: sums[0] for start, *sums in hours}),
            avg_conversation_length=share(*sessions[0][0]) if sessions else None,
            retry_rate=share(total["retried"], total["requests"]),
            cost_ceiling_hit_rate=share(total["ceiling_hits"], total["requests"]),
        ),
    )


def peak_hours(calls: Mapping[int, int]) -> list[int]:
    """The hours of the day, UTC, with more than five quarters of the mean hour's calls: the busiest six, ascending.

    Args:
        calls: start of an hour in seconds since the epoch → calls.
    """
    by_hour = [0] * _HOURS
    for start, count in calls.items():
        by_hour[start // 3600 % _HOURS] += count
    busiest = sorted(range(_HOURS), key=lambda hour: -by_hour[hour])[:_PEAKS]
    return sorted(hour for hour in busiest if by_hour[hour] * _HOURS * 4 > sum(by_hour) * 5)


def task_overrides(cells: Rows) -> dict[str, str]:
    """Task → the model that at least half of its calls are pinned to; other tasks are left out."""
    tasks = figures.by_task(cells, _MEASURES)
    pinned: dict[str, dict[str, int]] = {task: {} for task in tasks}
    for (task, model), sums in sums_by(cells, _MEASURES, key=lambda row: (figures.task_name(row[0]), row[1])).items():
        pinned[task][model] = sums["pinned"]
    most = {task: ranked(models, 1) for task, models in pinned.items()}
    return {
        task: model
        for task, models in most.items()
        for model in models
        if pinned[task][model] * 2 >= tasks[task]["requests"]
    }


def month_end_dollars(so_far_nanos: int, now_ms: int) -> float:
    """What the present month will have cost at its end, at the pace that it has had so far.

    Args:
        so_far_nanos: what it has cost, in nano-dollars.
        now_ms: the present moment.
    """
    month_ms = month_start_ms(now_ms)
    passed_ms = now_ms - month_ms
    projected = Fraction(so_far_nanos * _month_days(month_ms) * DAY_MS, passed_ms) if passed_ms else Fraction(0)
    return fraction(projected / 10**9)


def _usage(total: Sums, days: Days) -> Usage:
    return Usage(
        total_calls=total["requests"],
        total_tokens=total["input_tokens"] + total["output_tokens"],
        total_cost_usd=dollars(total["cost_nanos"]),
        avg_calls_per_day=round(Fraction(total["requests"], days.count)),
    )


def _preferences(account: Account, models: Mapping[str, Sums]) -> QualityPreferences:
    return QualityPreferences(
        cost_vs_quality_ratio=account.cost_vs_quality_ratio,
        latency_sensitivity=account.latency_sensitivity,
        preferred_models=list(models)[:_TOP],
    )


def _costs(days: Days, months: Rows, total: Sums, prices: Prices) -> CostAnalysis:
    """Today belongs to the month to date as a whole, and to its days as much as has passed."""
    month_ms = month_start_ms(days.now_ms)
    current = sum(nanos for start, nanos in months if start * 1000 >= month_ms)
    previous = sum(nanos for start, nanos in months if start * 1000 < month_ms)
    compared, cost = prices.cost_nanos(total["input_tokens"], total["output_tokens"]), total["cost_nanos"]
    return CostAnalysis(
        current_month=dollars(current),
        previous_month=dollars(previous),
        change_percentage=percent(current - previous, previous),
        projected_month_end=month_end_dollars(current, days.now_ms),
        vs_gpt4o_only=Comparison(
            cost_if_gpt4o=fraction(compared / 10**9),
            savings_usd=fraction((compared - cost) / 10**9),
            savings_percentage=percent(compared - cost, compared),
        ),
    )


def _previous_month_ms(days: Days) -> int:
    return month_start_ms(month_start_ms(days.now_ms) - DAY_MS)


def _month_days(month_ms: int) -> int:
    year, month, _ = iso_day(month_ms).split("-")
    return monthrange(int(year), int(month))[1]
