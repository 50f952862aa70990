"""What the four LumiqTrace endpoints must answer, computed from raw events by brute force.

Slow and obvious on purpose: every answer walks over all calls. A window is [start, end], both in milliseconds since
the epoch and both inclusive. Money and ratios are exact fractions until `compare` holds them against printed numbers.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from tests.oracle.compare import Percentile, Rounded
from tests.oracle.log import Call

__all__ = ["ENDPOINTS", "costs", "errors", "overview", "performance"]

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
FAILED = ("error", "timeout", "rate_limited")
OWN_CODES = {"timeout": "timeout", "rate_limited": "rate_limited", "cancelled": "cancelled", "error": "unknown"}

Answer = dict[str, Any]


def overview(every: Iterable[Call], project: str, start: int, end: int, _now: int) -> Answer:
    """GET /v1/projects/{id}/overview."""
    window = _within(every, project, start, end)
    size = HOUR_MS if end - start <= 7 * DAY_MS else DAY_MS
    return {
        "kpis": {
            "totalRequests": len(window),
            "totalCost": _money(_cost(window)),
            "avgLatency": _mean([call.latency for call in window]),
            "errorRate": _ratio(_failures(window), len(window)),
        },
        "timeline": [
            {
                "hour": _text(bucket),
                "requests": len(part),
                "cost": _money(_cost(part)),
                "errors": _failures(part),
            }
            for bucket, part in _dense(window, start, end, size)
        ],
        "topModels": [
            {"model": model, "cost": _money(_cost(part)), "requests": len(part)} for model, part in _by_cost(window)[:5]
        ],
        "recentErrors": [
            {
                "event_id": call.event_id,
                "model": call.model,
                "status": call.status,
                "error_code": _code(call),
                "timestamp": _text(call.ms, with_millis=True),
            }
            for call in sorted(window, key=lambda call: (-call.ms, call.event_id))
            if call.status != "success"
        ][:10],
    }


def costs(every: Iterable[Call], project: str, start: int, end: int, now: int) -> Answer:
    """GET /v1/costs."""
    every = list(every)
    window = _within(every, project, start, end)
    month = _within(every, project, _month_start(end), end)
    return {
        "byModel": [
            {
                "model": model,
                "total_cost": _money(_cost(part)),
                "calls": len(part),
                "avg_cost": _money(_cost(part) / len(part)),
            }
            for model, part in _by_cost(window)
        ],
        "dailyTrend": [
            {"date": _text(bucket)[:10], "cost": _money(_cost(part))}
            for bucket, part in _dense(window, start, end, DAY_MS)
        ],
        "mtdTotal": _money(_cost(month)),
        "forecast30d": _money(_forecast([call for call in every if call.project == project], start, end, now)),
        "cacheRate": _ratio(sum(call.cached for call in window), sum(call.read for call in window)),
    }


def performance(every: Iterable[Call], project: str, start: int, end: int, _now: int) -> Answer:
    """GET /v1/performance."""
    window = _within(every, project, start, end)
    latencies = [call.latency for call in window]
    written, seconds = sum(call.written for call in window), sum(latencies, Fraction(0)) / 1000
    return {
        "latencyPercentiles": {
            f"p{percent}": Percentile(latencies, percent) if window else Rounded(Fraction(0), 3)
            for percent in (50, 90, 99)
        },
        "avgTtft": _mean([call.ttft for call in window if call.ttft is not None]),
        "tokensPerSec": Rounded(written / seconds if seconds else Fraction(0), 3),
        "timeoutRate": _ratio(sum(call.status == "timeout" for call in window), len(window)),
    }


def errors(every: Iterable[Call], project: str, start: int, end: int, _now: int) -> Answer:
    """GET /v1/errors."""
    every = list(every)
    window = _within(every, project, start, end)
    before = _within(every, project, start - (end - start), start - 1)
    failed = [call for call in window if call.status in FAILED]
    groups = _grouped(failed, _code)
    refused = _grouped((call for call in window if call.status == "rate_limited"), lambda call: call.ms // HOUR_MS)
    return {
        "errorGroups": [
            {
                "error_code": code,
                "count": len(group),
                "trend": _trend(len(group), sum(call.status in FAILED and _code(call) == code for call in before)),
                "top_model": _top_model(group, window),
            }
            for code, group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        ],
        "rateLimitHeatmap": [
            {"hour": _text(hour * HOUR_MS), "rate_limited_count": len(part)} for hour, part in sorted(refused.items())
        ],
    }


ENDPOINTS = {
    "/v1/projects/{id}/overview": overview,
    "/v1/costs": costs,
    "/v1/performance": performance,
    "/v1/errors": errors,
}
"""Each path with the function that knows its answer."""


def _within(every: Iterable[Call], project: str, start: int, end: int) -> list[Call]:
    return [call for call in every if call.project == project and start <= call.ms <= end]


def _dense(window: list[Call], start: int, end: int, size: int) -> list[tuple[int, list[Call]]]:
    """Every bucket from that of start to that of end; but one that only the end touches, only when it holds a call."""
    buckets = []
    for bucket in range(start // size * size, end + 1, size):
        part = [call for call in window if bucket <= call.ms < bucket + size]
        if part or bucket < end or bucket <= start:
            buckets.append((bucket, part))
    return buckets


def _by_cost(window: list[Call]) -> list[tuple[str, list[Call]]]:
    models = _grouped(window, lambda call: call.model)
    return sorted(models.items(), key=lambda item: (-_cost(item[1]), -len(item[1]), item[0]))


def _grouped(some: Iterable[Call], key: Callable[[Call], Any]) -> dict[Any, list[Call]]:
    groups: dict[Any, list[Call]] = {}
    for call in some:
        groups.setdefault(key(call), []).append(call)
    return groups


def _forecast(own: list[Call], start: int, end: int, now: int) -> Fraction:
    """Thirty times the cost of a mean day; days are whole, but today is as long as it has lasted."""
    if not own:
        return Fraction(0)
    first = max(start // DAY_MS, min(call.ms for call in own) // DAY_MS)
    last = (end - 1) // DAY_MS  # an end at midnight does not begin another day
    days = Fraction(last - first + 1)
    if last == now // DAY_MS:
        days += Fraction(min(end, now) - last * DAY_MS, DAY_MS) - 1
    return _cost([call for call in own if start <= call.ms <= end]) * 30 / days if days > 0 else Fraction(0)


def _trend(now: int, before: int) -> str:
    if now + before < 5:
        return "stable"
    if before == 0 or Fraction(now, before) > Fraction(110, 100):
        return "increasing"
    return "decreasing" if Fraction(now, before) < Fraction(90, 100) else "stable"


def _top_model(group: list[Call], window: list[Call]) -> str:
    def rank(model: str) -> tuple[int, int, str]:
        return -sum(call.model == model for call in group), -sum(call.model == model for call in window), model

    return min({call.model for call in group}, key=rank)


def _code(call: Call) -> str:
    return call.code if call.code is not None else OWN_CODES[call.status]


def _failures(some: list[Call]) -> int:
    return sum(call.status in FAILED for call in some)


def _cost(some: list[Call]) -> Fraction:
    return sum((call.cost for call in some), Fraction(0))


def _money(amount: Fraction) -> Rounded:
    return Rounded(amount, 6)


def _ratio(part: int, whole: int) -> Rounded:
    return Rounded(Fraction(part, whole) if whole else Fraction(0), 6)


def _mean(values: list[Fraction]) -> Rounded:
    return Rounded(sum(values) / len(values) if values else Fraction(0), 3)


def _month_start(ms: int) -> int:
    moment = time.gmtime(ms // 1000)
    return calendar.timegm((moment.tm_year, moment.tm_mon, 1, 0, 0, 0)) * 1000


def _text(ms: int, *, with_millis: bool = False) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
    return f"{seconds}.{ms % 1000:03}Z" if with_millis else f"{seconds}Z"
