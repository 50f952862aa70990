"""What does the error report ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import ErrorGroup, Errors, RateLimitedHour
from tokentide.api.period import Period
from tokentide.api.times import iso_seconds
from tokentide.api.trends import Course, course
from tokentide.store.queries.sources import ERROR_SOURCE, USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, parted, totals

__all__ = ["asked", "shaped", "trend"]

_SETS = [(BUCKET,), ("model",)]
_FEWEST_FOR_A_TREND = 5
_Trend = Literal["increasing", "stable", "decreasing"]
_WORDS: Mapping[Course, _Trend] = {-1: "decreasing", 0: "stable", 1: "increasing"}


def asked(scope: Scope, period: Period) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows."""
    before = replace(scope, window=period.before)
    return [
        totals("errors_now", ERROR_SOURCE, scope, ("errors",), by=["error_code", "model"]),
        totals("errors_before", ERROR_SOURCE, before, ("errors",), by=["error_code"]),
        breakdowns("errors_usage", USAGE_SOURCE, scope, ("requests", "rate_limited"), sets=_SETS),
    ]


def shaped(now: Rows, before: Rows, usage: Rows) -> Errors:
    """The answer.

    Args:
        now: (error_code, model, errors) of the period.
        before: (error_code, errors) of the time before.
        usage: sums of the period by hour, and by model.
    """
    hours, models = parted(_SETS, usage)
    earlier: dict[str, int] = dict(before)
    requests = {model: number for model, number, _ in models}
    by_code: dict[str, dict[str, int]] = defaultdict(dict)
    for code, model, errors in now:
        by_code[code][model] = errors
    groups = [_group(code, counts, earlier.get(code, 0), requests) for code, counts in by_code.items()]
    return Errors(
        error_groups=sorted(groups, key=lambda group: (-group.count, group.error_code)),
        rate_limit_heatmap=[
            RateLimitedHour(hour=iso_seconds(start * 1000), rate_limited_count=count)
            for start, _, count in hours
            if count
        ],
    )


def trend(now: int, before: int) -> _Trend:
    """How a count developed: by more than a tenth up or down; too few to tell are stable."""
    return _WORDS[course(now, before) if now + before >= _FEWEST_FOR_A_TREND else 0]


def _group(code: str, models: Mapping[str, int], before: int, requests: Mapping[str, int]) -> ErrorGroup:
    count = sum(models.values())
    top = min(models, key=lambda model: (-models[model], -requests.get(model, 0), model))
    return ErrorGroup(error_code=code, count=count, trend=trend(count, before), top_model=top)
