"""What does the report on providers ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from tokentide.api.engine import Rows
from tokentide.api.perf.advice import Health, advised
from tokentide.api.perf.health import (
    Direction,
    Incident,
    Provider,
    Providers,
    ProviderTrend,
    Status,
    TimePeriod,
    VersusPrevious,
)
from tokentide.api.printed import fraction, milliseconds, quantile_ms, share
from tokentide.api.sums import Sums, sums_by
from tokentide.api.times import HOUR_MS, iso_seconds
from tokentide.api.trends import Course, course
from tokentide.store.queries.incidents import BUCKET_SECONDS, provider_health, provider_health_parted
from tokentide.store.queries.sources import HEALTH_SOURCE, LATENCY_SOURCE
from tokentide.store.queries.totals import Question, Scope, quantiles, totals
from tokentide.store.queries.window import Window

__all__ = ["Hours", "asked", "incidents", "shaped"]

_MEASURES = ("requests", "errors", "rate_limited", "latency_us")
_LEVELS = (0.95, 0.99)
_DIRECTION: Mapping[Course, Direction] = {-1: "improving", 0: "stable", 1: "degrading"}


@dataclass(frozen=True, slots=True)
class Hours:
    """The period of a request: so many hours that end now, to the second."""

    count: int
    now_ms: int

    @property
    def end_ms(self) -> int:
        """Its last moment."""
        return self.now_ms // 1000 * 1000

    @property
    def start_ms(self) -> int:
        """Its first moment."""
        return self.end_ms - self.count * HOUR_MS

    @property
    def window(self) -> Window:
        """Both ends included."""
        return Window(self.start_ms, self.end_ms + 1)

    @property
    def before(self) -> Window:
        """As many hours just before."""
        return Window(self.start_ms - self.count * HOUR_MS, self.start_ms)


def asked(scope: Scope, hours: Hours) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows."""
    before = replace(scope, window=hours.before)
    return [
        provider_health("perf_health", scope, _MEASURES),
        quantiles("perf_latency", LATENCY_SOURCE, scope, "latency", levels=_LEVELS, by=["provider"]),
        totals("perf_health_before", HEALTH_SOURCE, before, _MEASURES, by=["provider"]),
        quantiles("perf_latency_before", LATENCY_SOURCE, before, "latency", levels=_LEVELS, by=["provider"]),
    ]


def shaped(hours: Hours, health: Rows, latency: Rows, health_before: Rows, latency_before: Rows) -> Providers:
    """The answer.

    Args:
        hours: what was asked.
        health: sums by provider, and by provider and five minutes where much went wrong.
        latency: (provider, [p95, p99] in milliseconds).
        health_before: sums by provider of as long a time before.
        latency_before: as `latency`, of that time.
    """
    totals_now, wrong = provider_health_parted(health)
    now, before = (sums_by(rows, _MEASURES, key=lambda row: str(row[0])) for rows in (totals_now, health_before))
    p95s = {provider: [quantile_ms(value) for value in values] for provider, values in latency}
    p95_before = {provider: quantile_ms(values[0]) for provider, values in latency_before}
    found = {
        provider: Health(provider, _error_rate(sums), p95s[provider][0], p95_before.get(provider, 0.0))
        for provider, sums in now.items()
    }
    return Providers(
        period=TimePeriod(
            start_time=iso_seconds(hours.start_ms), end_time=iso_seconds(hours.end_ms), hours=hours.count
        ),
        providers={
            provider: _provider(sums, p95s[provider], incidents([row[1:] for row in wrong if row[0] == provider]))
            for provider, sums in now.items()
        },
        trends={provider: _trend(sums, before.get(provider, Sums())) for provider, sums in now.items()},
        recommendations=advised(list(found.values())),
    )


def incidents(wrong: Rows) -> list[Incident]:
    """Runs of five-minute buckets in which much went wrong, each as one incident.

    Args:
        wrong: (start in seconds, requests, errors, …) of such buckets, ascending.
    """
    runs: list[list[tuple[int, ...]]] = []
    for row in wrong:
        if runs and runs[-1][-1][0] + BUCKET_SECONDS == row[0]:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [
        Incident(
            start=iso_seconds(run[0][0] * 1000),
            end=iso_seconds((run[-1][0] + BUCKET_SECONDS) * 1000),
            error_rate=share(sum(row[2] for row in run), sum(row[1] for row in run)),
        )
        for run in runs
    ]


def _provider(sums: Sums, p95_p99: list[float], found: list[Incident]) -> Provider:
    requests, errors = sums["requests"], sums["errors"]
    return Provider(
        status=_status(_error_rate(sums)),
        uptime=share(requests - errors, requests),
        avg_latency_ms=milliseconds(sums["latency_us"], requests),
        p95_latency_ms=p95_p99[0],
        p99_latency_ms=p95_p99[1],
        error_rate=share(errors, requests),
        rate_limit_hits=sums["rate_limited"],
        incidents=found,
    )


def _status(error_rate: Fraction) -> Status:
    if error_rate < Fraction(1, 100):
        return "operational"
    return "degraded" if error_rate < Fraction(1, 10) else "down"


def _trend(now: Sums, before: Sums) -> ProviderTrend:
    latency, latency_before = _mean_latency(now), _mean_latency(before)
    errors, errors_before = _error_rate(now), _error_rate(before)
    return ProviderTrend(
        latency_trend=_DIRECTION[course(latency, latency_before)],
        error_trend=_DIRECTION[course(errors, errors_before)],
        vs_previous_period=VersusPrevious(
            latency_change=_change(latency, latency_before), error_change=_change(errors, errors_before)
        ),
    )


def _change(now: Fraction, before: Fraction) -> float:
    return fraction(now / before - 1) if before else 0.0


def _error_rate(sums: Sums) -> Fraction:
    return Fraction(sums["errors"], sums["requests"]) if sums["requests"] else Fraction(0)


def _mean_latency(sums: Sums) -> Fraction:
    return Fraction(sums["latency_us"], sums["requests"]) if sums["requests"] else Fraction(0)
