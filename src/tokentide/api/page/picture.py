"""What does the page ask the store, and how do the rows become its answer?

What a dialect answers already is asked and shaped by that dialect: the page cannot say anything else than it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tokentide.api.engine import Found, Rows
from tokentide.api.lumiqtrace import costs, errors
from tokentide.api.page.models import Bucket, Freshness, Latency, ModelFigures, Picture, Shown, Sums
from tokentide.api.page.span import Span
from tokentide.api.perf import providers
from tokentide.api.perf.customer import month_end_dollars
from tokentide.api.perf.providers import Hours
from tokentide.api.printed import dollars, quantile_ms, share
from tokentide.api.series import bucket_starts_ms
from tokentide.api.times import DAY_MS, iso_millis, iso_seconds, month_start_ms
from tokentide.store.port import Query
from tokentide.store.queries.sources import LATENCY_SOURCE, USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Scope, breakdowns, parted, quantile_breakdowns, totals
from tokentide.store.queries.window import Window

__all__ = ["Asked", "asked", "shaped"]

_USAGE_SETS = [(BUCKET,), ("model",)]
_LATENCY_SETS: list[tuple[str, ...]] = [(BUCKET,), ("model",), ()]
_MEASURES = ("requests", "cost_nanos", "input_tokens", "output_tokens", "error", "timeout", "rate_limited")
_NOTHING = (0,) * len(_MEASURES)
_LEVELS = (0.5, 0.95, 0.99)
_NO_CALLS = (float("nan"),) * len(_LEVELS)
_HEALTH_HOURS = 24


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page was asked for.

    Attributes:
        organisation: whose page it is.
        choices: the projects that may be chosen.
        project: the one that was chosen; None for all of them.
        span: when.
        now_ms: the present moment.
        events_from_ms: since when single events are kept.
    """

    organisation: str
    choices: tuple[str, ...]
    project: str | None
    span: Span
    now_ms: int
    events_from_ms: int

    @property
    def scope(self) -> Scope:
        """Whose calls, and when."""
        projects = self.choices if self.project is None else (self.project,)
        return Scope(projects, self.span.window, self.events_from_ms)

    @property
    def hours(self) -> Hours:
        """Over which the health of providers is judged."""
        return Hours(_HEALTH_HOURS, self.now_ms)


def asked(page: Asked) -> list[list[Query]]:
    """The questions: the page's own, then those of costs, errors and providers, as `shaped` takes their rows."""
    scope, step_seconds = page.scope, page.span.step_ms // 1000
    month = replace(scope, window=Window(month_start_ms(page.now_ms), page.now_ms // DAY_MS * DAY_MS + DAY_MS))
    health = replace(scope, window=page.hours.window)
    return [
        [
            breakdowns("page_usage", USAGE_SOURCE, scope, _MEASURES, sets=_USAGE_SETS, step_seconds=step_seconds),
            quantile_breakdowns(
                "page_latency",
                LATENCY_SOURCE,
                scope,
                "latency",
                levels=_LEVELS,
                sets=_LATENCY_SETS,
                step_seconds=step_seconds,
            ),
            totals("page_before", USAGE_SOURCE, replace(scope, window=page.span.before), _MEASURES),
            totals("page_month", USAGE_SOURCE, month, ("cost_nanos",)),
        ],
        costs.asked(scope, page.span.period),
        [*errors.asked(scope, page.span.compared)],
        [*providers.asked(health, page.hours)],
    ]


def shaped(page: Asked, found: Found, rows: Sequence[Sequence[Rows]]) -> Picture:
    """The answer.

    Args:
        page: what was asked.
        found: how far the data reaches.
        rows: of every question, in the parts in which `asked` has them.
    """
    (usage, latency, before, month), of_costs, of_errors, of_providers = rows
    by_bucket, by_model = parted(_USAGE_SETS, usage)
    of_bucket, of_model, of_all = parted(_LATENCY_SETS, latency)
    return Picture(
        shown=_shown(page),
        freshness=_freshness(found.through_ms, page.now_ms),
        total=Sums(**_sums([sum(column) for column in zip(*(row[1:] for row in by_bucket), strict=True)] or _NOTHING)),
        latency=_latency(of_all[0][0] if of_all else _NO_CALLS),
        before=Sums(**_sums(before[0])),
        timeline=_timeline(page.span, by_bucket, of_bucket),
        models=_models(by_model, of_model),
        month_to_date=dollars(month[0][0]),
        projected_month_end=month_end_dollars(month[0][0], page.now_ms),
        costs=costs.shaped(page.span.period, page.now_ms, *of_costs),
        errors=errors.shaped(*of_errors),
        providers=providers.shaped(page.hours, *of_providers),
    )


def _shown(page: Asked) -> Shown:
    return Shown(
        organisation=page.organisation,
        projects=list(page.choices),
        project=page.project,
        start=iso_seconds(page.span.start_ms),
        end=iso_seconds(page.span.end_ms),
        step_seconds=page.span.step_ms // 1000,
    )


def _freshness(through_ms: int, now_ms: int) -> Freshness:
    return Freshness(
        now=iso_millis(now_ms),
        data_through=iso_millis(through_ms) if through_ms else None,
        lag_seconds=max(0, now_ms - through_ms) / 1000 if through_ms else None,
    )


def _timeline(span: Span, usage: Rows, latency: Rows) -> list[Bucket]:
    sums = {start * 1000: measures for start, *measures in usage}
    latencies = {start * 1000: values for start, values in latency}
    return [
        Bucket(
            start=iso_seconds(start_ms),
            latency=_latency(latencies.get(start_ms, _NO_CALLS)),
            **_sums(sums.get(start_ms, _NOTHING)),
        )
        for start_ms in bucket_starts_ms(span.period, span.step_ms)
    ]


def _models(usage: Rows, latency: Rows) -> list[ModelFigures]:
    latencies: dict[str, list[float]] = dict(latency)
    busiest_first = sorted(usage, key=lambda row: (-row[1], row[0]))
    return [
        ModelFigures(model=model, latency=_latency(latencies.get(model, _NO_CALLS)), **_sums(measures))
        for model, *measures in busiest_first
    ]


def _sums(measures: Sequence[int]) -> Mapping[str, Any]:
    requests, cost_nanos, input_tokens, output_tokens, *failed = measures
    return {
        "requests": requests,
        "cost": dollars(cost_nanos),
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "errors": sum(failed),
        "error_rate": share(sum(failed), requests),
    }


def _latency(values: Sequence[float]) -> Latency:
    p50, p95, p99 = (quantile_ms(value) for value in values)
    return Latency(p50=p50, p95=p95, p99=p99)
