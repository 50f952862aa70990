"""What Perf's six endpoints must answer, computed from raw events by brute force.

Slow and obvious on purpose, as in `lumiqtrace`: every figure walks over all calls. Moments are milliseconds since the
epoch; `now` is when it is asked. A figure that sketches answer is expected by its rank, and what follows from such a
figure is expected either way where the ranks do not tell.
"""

from __future__ import annotations

import calendar
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.compare import Percentile, Rounded
from tests.oracle.log import Call

__all__ = ["ACCOUNT", "customer", "daily", "failures", "overview", "performance", "providers"]

SECOND_MS = 1000
FIVE_MINUTES_MS = 300_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
NOT_ANSWERED = ("error", "timeout", "rate_limited")
MODES = ("format_violation", "refusal", "hallucination", "incomplete", "reasoning_error", "provider_error")
GPT4O = (Fraction(5, 2), Fraction(10))
ACCOUNT: dict[str, Any] = {"cost_vs_quality_ratio": None, "latency_sensitivity": None, "prices": GPT4O}

Answer = dict[str, Any]


def overview(every: Iterable[Call], projects: Sequence[str], now: int, days: int = 7) -> Answer:
    """GET /v1/metrics/overview."""
    window = _days(every, projects, now, days)
    judged = [call for call in window if _has(call, "routing_correct") or _has(call, "requested_model")]
    return {
        "period": _period(now, days) | {"days": days},
        "summary": {
            "total_calls": len(window),
            "total_cost_usd": _money(_cost(window)),
            "avg_cost_per_call": _mean([call.cost for call in window], 6),
            "avg_latency_ms": _mean([call.latency for call in window], 3),
            "success_rate": _ratio(len(window) - _failed(window), len(window)),
        },
        "routing": {
            "accuracy": _ratio(sum(_routed_right(call) for call in judged), len(judged)),
            "fallback_rate": _ratio(sum(call.raw.get("fallback_used", False) for call in window), len(window)),
            "retry_rate": _ratio(sum(call.raw.get("retry_count", 0) > 0 for call in window), len(window)),
        },
        "models": {
            model: {
                "calls": len(part),
                "percentage": _ratio(len(part), len(window)),
                "avg_cost": _mean([call.cost for call in part], 6),
                "avg_latency_ms": _mean([call.latency for call in part], 3),
            }
            for model, part in _parts(window, _model)
        },
        "task_distribution": {task: _ratio(len(part), len(window)) for task, part in _parts(window, _task)},
    }


def customer(
    every: Iterable[Call],
    projects: Sequence[str],
    now: int,
    days: int = 30,
    *,
    organisation: str = "org",
    account: Answer = ACCOUNT,
) -> Answer:
    """GET /v1/metrics/customer."""
    every = list(every)
    window = _days(every, projects, now, days)
    read, written = sum(call.read for call in window), sum(call.written for call in window)
    complexities = [_decimal(call.raw["complexity"]) for call in window if _has(call, "complexity")]
    of_sessions = [call for call in window if _has(call, "session_id")]
    sessions = {call.raw["session_id"] for call in of_sessions}
    compared = (read * account["prices"][0] + written * account["prices"][1]) / 1_000_000
    saved = compared - _cost(window)
    return {
        "account_id": organisation,
        "period": _period(now, days),
        "usage": {
            "total_calls": len(window),
            "total_tokens": read + written,
            "total_cost_usd": _money(_cost(window)),
            "avg_calls_per_day": Rounded(Fraction(len(window), days), 0),
        },
        "cost_analysis": _months(every, projects, now)
        | {
            "vs_gpt4o_only": {
                "cost_if_gpt4o": _money(compared),
                "savings_usd": _money(saved),
                "savings_percentage": Rounded(100 * saved / compared if compared else Fraction(0), 1),
            }
        },
        "quality_preferences": {
            "cost_vs_quality_ratio": account["cost_vs_quality_ratio"],
            "latency_sensitivity": account["latency_sensitivity"],
            "preferred_models": [model for model, _ in _parts(window, _model)][:2],
        },
        "task_profile": {
            "dominant_tasks": [task for task, _ in _parts(window, _task)][:2],
            "complexity_avg": _mean(complexities, 6),
            "task_overrides": _overrides(window),
        },
        "behavior_insights": {
            "peak_hours": _peaks(window),
            "avg_conversation_length": _ratio(len(of_sessions), len(sessions)),
            "retry_rate": _ratio(sum(call.raw.get("retry_count", 0) > 0 for call in window), len(window)),
            "cost_ceiling_hit_rate": _ratio(sum(map(_hit_ceiling, window)), len(window)),
        },
    }


def performance(
    every: Iterable[Call], projects: Sequence[str], now: int, days: int = 7, task_type: str | None = None
) -> Answer:
    """GET /v1/metrics/performance."""
    window = _days(every, projects, now, days)
    tasks = [(task, part) for task, part in _parts(window, _task) if task_type in (None, task)]
    return {
        "period": _period(now, days),
        "by_task_type": {
            task: {
                "total_calls": len(part),
                "models": {
                    model: {
                        "calls": len(calls),
                        "success_rate": _ratio(len(calls) - _failed(calls), len(calls)),
                        "avg_cost_usd": _mean([call.cost for call in calls], 6),
                        "avg_latency_ms": _mean([call.latency for call in calls], 3),
                        "quality_score": _mean(_scores(calls), 6) if _scores(calls) else None,
                    }
                    for model, calls in _parts(part, _model)
                },
                "optimal_model": _optimal(part),
                "optimal_reason": ANY_TEXT,
            }
            for task, part in tasks
        },
        "recommendations": [advice for task, part in tasks for advice in _recommended(task, part)],
    }


def failures(every: Iterable[Call], projects: Sequence[str], now: int, days: int = 7) -> Answer:
    """GET /v1/metrics/failures."""
    window = _days(every, projects, now, days)
    failed = [call for call in window if _mode(call)]
    retried = sum(call.raw.get("recovered_by") == "retry" for call in failed)
    fallen_back = sum(call.raw.get("recovered_by") == "fallback" for call in failed)
    modes = _parts(failed, _mode)
    return {
        "period": _period(now, days),
        "summary": {
            "total_failures": len(failed),
            "failure_rate": _ratio(len(failed), len(window)),
            "retries_succeeded": retried,
            "fallback_succeeded": fallen_back,
            "unrecoverable": len(failed) - retried - fallen_back,
        },
        "by_failure_mode": {
            mode: {
                "count": len(part),
                "percentage": _ratio(len(part), len(failed)),
                "affected_models": [model for model, _ in _parts(part, _model)][:2],
                "common_triggers": [
                    trigger
                    for trigger, _ in _parts(
                        [call for call in part if _has(call, "failure_trigger")],
                        lambda call: call.raw["failure_trigger"],
                    )
                ][:2],
            }
            for mode, part in modes
        },
        "by_model": {
            model: {
                "total_calls": len(part),
                "failures": _failed(part),
                "failure_rate": _ratio(_failed(part), len(part)),
                "top_failure_modes": [mode for mode, _ in _parts([call for call in part if _mode(call)], _mode)][:2],
            }
            for model, part in _parts(window, _model)
            if _failed(part)
        },
        "mitigation_recommendations": [
            {
                "issue": Text(mode),
                "recommendation": ANY_TEXT,
                "expected_improvement": f"{round(Fraction(100 * len(part), len(failed)))}% reduction in failures",
            }
            for mode, part in modes
            if 5 * len(part) >= len(failed)
        ],
    }


def daily(every: Iterable[Call], projects: Sequence[str], now: int, days: int = 30) -> Answer:
    """GET /v1/metrics/daily."""
    window = _days(every, projects, now, days)
    first = now // DAY_MS - days + 1
    each = [[call for call in window if call.ms // DAY_MS == first + number] for number in range(days)]
    before = [call for part in each[: days // 2] for call in part]
    after = [call for part in each[days - days // 2 :] for call in part]
    scored = bool(_scores(before) and _scores(after))
    grown = [Fraction(len(each[number]), len(each[number - 1])) - 1 for number in range(1, days) if each[number - 1]]
    return {
        "period": {"start_date": _text(first * DAY_MS)[:10], "end_date": _text(now)[:10]},
        "daily_data": [
            {
                "date": _text((first + number) * DAY_MS)[:10],
                "total_calls": len(part),
                "total_cost_usd": _money(_cost(part)),
                "avg_latency_ms": _mean([call.latency for call in part], 3),
                "success_rate": _ratio(len(part) - _failed(part), len(part)),
                "model_distribution": {model: len(calls) for model, calls in _parts(part, _model)},
                "task_distribution": {task: len(calls) for task, calls in _parts(part, _task)},
            }
            for number, part in enumerate(each)
        ],
        "trends": {
            "calls_trend": _trend(Fraction(len(after)), Fraction(len(before)), VOLUME, Fraction(1, 10)),
            "cost_trend": _trend(_cost(after), _cost(before), VOLUME, Fraction(1, 10)),
            "quality_trend": _trend(_merit(after, scored), _merit(before, scored), QUALITY, Fraction(1, 100)),
            "avg_daily_growth": Rounded(sum(grown) / len(grown) if grown else Fraction(0), 6),
        },
    }


def providers(every: Iterable[Call], projects: Sequence[str], now: int, hours: int = 24) -> Answer:
    """GET /v1/metrics/providers."""
    end = now // SECOND_MS * SECOND_MS
    start = end - hours * HOUR_MS
    own = [call for call in every if call.project in projects]
    now_by = dict(_parts([call for call in own if start <= call.ms <= end], _provider))
    before_by = dict(_parts([call for call in own if start - hours * HOUR_MS <= call.ms < start], _provider))
    return {
        "period": {"start_time": _text(start), "end_time": _text(end), "hours": hours},
        "providers": {
            provider: {
                "status": _status(_error_rate(part)),
                "uptime": Rounded(1 - _error_rate(part), 6),
                "avg_latency_ms": _mean([call.latency for call in part], 3),
                "p95_latency_ms": Percentile([call.latency for call in part], 95),
                "p99_latency_ms": Percentile([call.latency for call in part], 99),
                "error_rate": Rounded(_error_rate(part), 6),
                "rate_limit_hits": sum(call.status == "rate_limited" for call in part),
                "incidents": _incidents(part),
            }
            for provider, part in now_by.items()
        },
        "trends": {provider: _provider_trend(part, before_by.get(provider, [])) for provider, part in now_by.items()},
        "recommendations": Advice(now_by, before_by),
    }


# What may differ in words or by a sketch


@dataclass(frozen=True)
class Text:
    """Any text that holds a word."""

    word: str

    def complaint(self, actual: Any) -> str | None:
        """What is wrong with the text, if anything."""
        return None if isinstance(actual, str) and actual and self.word in actual else f"no text with {self.word!r}"


ANY_TEXT = Text("")


@dataclass(frozen=True)
class Advice:
    """One row for each provider that is not well; where its p95 is too near to the limit, there may be one or none."""

    now: dict[str, list[Call]]
    before: dict[str, list[Call]]

    def complaint(self, actual: Any) -> str | None:
        """What is wrong with the rows, if anything."""
        named = [row["provider"] for row in actual]
        must = {name for name, part in self.now.items() if self._is_ill(part) or self._is_slower(name, certain=True)}
        may = must | {name for name in self.now if self._is_slower(name, certain=False)}
        if len(set(named)) < len(named) or not must <= set(named) <= may:
            return f"rows for {named}, expected {sorted(must)}, allowed {sorted(may)}"
        return next((wrong for row in actual if (wrong := self._wrong_name(row))), None)

    def _is_ill(self, part: list[Call]) -> bool:
        return _error_rate(part) >= Fraction(1, 100)

    def _is_slower(self, name: str, *, certain: bool) -> bool:
        if not self.before.get(name):
            return False
        now, before = (_p95_range([call.latency for call in part]) for part in (self.now[name], self.before[name]))
        return now[0] > before[1] * 5 / 4 if certain else now[1] > before[0] * 5 / 4

    def _wrong_name(self, row: Answer) -> str | None:
        others = {name: _error_rate(part) for name, part in self.now.items() if name != row["provider"]}
        least = min(others.values(), default=None)
        best = [name for name, rate in others.items() if rate == least]
        mentioned = [name for name in others if name in row["action"]]
        if others and (len(mentioned) != 1 or mentioned[0] not in best):
            return f"{row['action']!r} names {mentioned}, expected one of {best}"
        return None if isinstance(row["message"], str) and row["message"] else "no message"


def _p95_range(values: list[Fraction]) -> tuple[Fraction, Fraction]:
    """Between which values a sketch may see the 95th percentile: half a per cent and two ranks around it."""
    ordered, count = sorted(values), len(values)
    low = int(count * Fraction(945, 1000)) - 2
    high = int(count * Fraction(955, 1000)) + 2
    return ordered[max(low, 0)] * Fraction(999, 1000), ordered[min(high, count - 1)] * Fraction(1001, 1000)


# What the figures are


def _days(every: Iterable[Call], projects: Sequence[str], now: int, days: int) -> list[Call]:
    today = now // DAY_MS
    return [call for call in every if call.project in projects and today - days < call.ms // DAY_MS <= today]


def _period(now: int, days: int) -> Answer:
    today = now // DAY_MS * DAY_MS
    return {"start_date": _text(today - (days - 1) * DAY_MS), "end_date": _text(today + DAY_MS - SECOND_MS)}


def _parts(some: Iterable[Call], key: Callable[[Call], Any]) -> list[tuple[Any, list[Call]]]:
    """By key, the largest part first, of equal ones the first by name."""
    found: dict[Any, list[Call]] = {}
    for call in some:
        found.setdefault(key(call), []).append(call)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def _has(call: Call, field: str) -> bool:
    return call.raw.get(field) is not None


def _model(call: Call) -> str:
    return call.model


def _provider(call: Call) -> str:
    return str(call.raw["provider"])


def _task(call: Call) -> str:
    return call.raw.get("task_type") or "unknown"


def _mode(call: Call) -> str | None:
    raw = call.raw
    if raw.get("failure_mode") is not None:
        return str(raw["failure_mode"])
    if call.status not in NOT_ANSWERED:
        return None
    if raw.get("finish_reason") == "length":
        return "incomplete"
    if raw.get("finish_reason") == "content_filter":
        return "refusal"
    return "format_violation" if raw.get("validation_passed") is False else "provider_error"


def _failed(some: Iterable[Call]) -> int:
    return sum(_mode(call) is not None for call in some)


def _routed_right(call: Call) -> bool:
    raw = call.raw
    if raw.get("routing_correct") is not None:
        return bool(raw["routing_correct"])
    return call.model == raw["requested_model"] and not raw.get("fallback_used", False) and _mode(call) is None


def _hit_ceiling(call: Call) -> bool:
    ceiling = call.raw.get("cost_ceiling_usd")
    return bool(call.raw.get("cost_ceiling_hit")) or (ceiling is not None and call.cost > round(_decimal(ceiling), 9))


def _scores(some: Iterable[Call]) -> list[Fraction]:
    return [_decimal(call.raw["quality_score"]) for call in some if _has(call, "quality_score")]


def _merit(some: list[Call], scored: bool) -> Fraction:  # noqa: FBT001
    """The mean score, or the success rate; of no calls 0."""
    if scored:
        return _six_decimals(sum(_scores(some), Fraction(0)) / len(_scores(some)))
    return Fraction(len(some) - _failed(some), len(some)) if some else Fraction(0)


def _quality(some: list[Call]) -> Fraction:
    """As it is printed: the score, else the success rate."""
    scores = _scores(some)
    exact = sum(scores, Fraction(0)) / len(scores) if scores else Fraction(len(some) - _failed(some), len(some))
    return _six_decimals(exact)


def _optimal(part: list[Call]) -> str | None:
    best: tuple[Any, str] | None = None
    for model, calls in _parts(part, _model):  # the busiest first: only a better one takes its place
        if len(calls) < 30:
            continue
        cost = _cost(calls) / len(calls)
        worth = (True, _quality(calls)) if cost == 0 else (False, _quality(calls) / cost)
        if best is None or worth > best[0]:
            best = worth, model
    return best[1] if best else None


def _recommended(task: str, part: list[Call]) -> list[Answer]:
    models, best = dict(_parts(part, _model)), _optimal(part)
    current = next(iter(models))
    if best is None or best == current or _quality(models[best]) < _quality(models[current]):
        return []
    dearer = _cost(models[current]) / len(models[current]) - _cost(models[best]) / len(models[best])
    return [
        {
            "task_type": task,
            "current_model": current,
            "recommended_model": best,
            "potential_savings_usd": _money(max(Fraction(0), len(models[current]) * dearer)),
            "quality_improvement": Rounded(_quality(models[best]) - _quality(models[current]), 6),
        }
    ]


def _months(every: list[Call], projects: Sequence[str], now: int) -> Answer:
    moment = time.gmtime(now // 1000)
    this = calendar.timegm((moment.tm_year, moment.tm_mon, 1, 0, 0, 0)) * 1000
    year, month = (moment.tm_year, moment.tm_mon - 1) if moment.tm_mon > 1 else (moment.tm_year - 1, 12)
    last = calendar.timegm((year, month, 1, 0, 0, 0)) * 1000
    tomorrow = (now // DAY_MS + 1) * DAY_MS
    current = _cost([call for call in every if call.project in projects and this <= call.ms < tomorrow])
    previous = _cost([call for call in every if call.project in projects and last <= call.ms < this])
    days = calendar.monthrange(moment.tm_year, moment.tm_mon)[1]
    passed = Fraction(now - this, DAY_MS)
    return {
        "current_month": _money(current),
        "previous_month": _money(previous),
        "change_percentage": Rounded(100 * (current - previous) / previous if previous else Fraction(0), 1),
        "projected_month_end": _money(current / passed * days if passed else Fraction(0)),
    }


def _overrides(window: list[Call]) -> dict[str, str]:
    found = {}
    for task, part in _parts(window, _task):
        pinned = _parts([call for call in part if call.raw.get("model_pinned")], _model)
        if pinned and 2 * len(pinned[0][1]) >= len(part):
            found[task] = pinned[0][0]
    return found


def _peaks(window: list[Call]) -> list[int]:
    hours = Counter(call.ms // HOUR_MS % 24 for call in window)
    above = [hour for hour in range(24) if hours[hour] > Fraction(len(window), 24) * Fraction(5, 4)]
    return sorted(sorted(above, key=lambda hour: (-hours[hour], hour))[:6])


def _error_rate(part: list[Call]) -> Fraction:
    return Fraction(sum(call.status in {"error", "timeout"} for call in part), len(part)) if part else Fraction(0)


def _status(rate: Fraction) -> str:
    return "operational" if rate < Fraction(1, 100) else "degraded" if rate < Fraction(1, 10) else "down"


def _incidents(part: list[Call]) -> list[Answer]:
    buckets = dict(_parts(part, lambda call: call.ms // FIVE_MINUTES_MS))
    bad = sorted(start for start, calls in buckets.items() if len(calls) >= 5 and _error_rate(calls) >= Fraction(1, 10))
    runs: list[list[int]] = []
    for start in bad:
        if start - 1 in bad:
            runs[-1].append(start)
        else:
            runs.append([start])
    return [
        {
            "start": _text(run[0] * FIVE_MINUTES_MS),
            "end": _text((run[-1] + 1) * FIVE_MINUTES_MS),
            "error_rate": Rounded(_error_rate([call for start in run for call in buckets[start]]), 6),
        }
        for run in runs
    ]


VOLUME = ("decreasing", "stable", "increasing")
QUALITY = ("degrading", "stable", "improving")
HEALTH = ("improving", "stable", "degrading")


def _provider_trend(now: list[Call], before: list[Call]) -> Answer:
    latency, latency_before = _mean_latency(now), _mean_latency(before)
    errors, errors_before = _error_rate(now), _error_rate(before)
    return {
        "latency_trend": _trend(latency, latency_before, HEALTH, Fraction(1, 10)),
        "error_trend": _trend(errors, errors_before, HEALTH, Fraction(1, 10)),
        "vs_previous_period": {
            "latency_change": Rounded(latency / latency_before - 1 if latency_before else Fraction(0), 6),
            "error_change": Rounded(errors / errors_before - 1 if errors_before else Fraction(0), 6),
        },
    }


def _trend(now: Fraction, before: Fraction, words: tuple[str, str, str], within: Fraction) -> str:
    if before == 0:
        return words[2] if now > 0 else words[1]
    change = now / before - 1
    return words[0] if change < -within else words[2] if change > within else words[1]


def _mean_latency(part: list[Call]) -> Fraction:
    return sum((call.latency for call in part), Fraction(0)) / len(part) if part else Fraction(0)


def _cost(some: Iterable[Call]) -> Fraction:
    return sum((call.cost for call in some), Fraction(0))


def _money(amount: Fraction) -> Rounded:
    return Rounded(amount, 6)


def _ratio(part: int, whole: int) -> Rounded:
    return Rounded(Fraction(part, whole) if whole else Fraction(0), 6)


def _mean(values: list[Fraction], places: int) -> Rounded:
    return Rounded(sum(values) / len(values) if values else Fraction(0), places)


def _decimal(number: float | str) -> Fraction:
    """The decimal number that stands in the JSON text."""
    return Fraction(str(number))


def _six_decimals(value: Fraction) -> Fraction:
    return round(value, 6)


def _text(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))
