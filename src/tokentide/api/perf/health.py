"""What does Perf's answer on providers look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tokentide.api.shapes import Answer

__all__ = [
    "Direction",
    "Incident",
    "Provider",
    "ProviderAdvice",
    "ProviderTrend",
    "Providers",
    "Status",
    "TimePeriod",
    "VersusPrevious",
]

Status = Literal["operational", "degraded", "down"]
Direction = Literal["improving", "stable", "degrading"]


class TimePeriod(Answer):
    """The hours of an answer."""

    start_time: str
    end_time: str = Field(description="now, to the second")
    hours: int


class Incident(Answer):
    """Five-minute buckets in a row, each with five calls or more of which a tenth or more failed."""

    start: str = Field(description="start of the first bucket")
    end: str = Field(description="end of the last bucket")
    error_rate: float = Field(description="over all of them")


class Provider(Answer):
    """How one provider did."""

    status: Status = Field(description="operational below an error rate of 1 %, degraded below 10 %, else down")
    uptime: float = Field(description="1 - error_rate")
    avg_latency_ms: float
    p95_latency_ms: float
    p99_latency_ms: float
    error_rate: float = Field(description="share of calls that ended in an error or a time-out")
    rate_limit_hits: int
    incidents: list[Incident]


class VersusPrevious(Answer):
    """Changes against as long a time before, as shares; 0 where there was nothing before."""

    latency_change: float
    error_change: float


class ProviderTrend(Answer):
    """How one provider develops; up to a tenth is stable."""

    latency_trend: Direction
    error_trend: Direction
    vs_previous_period: VersusPrevious


class ProviderAdvice(Answer):
    """What to do about a provider that is not well."""

    provider: str
    message: str
    action: str


class Providers(Answer):
    """How reliable providers are."""

    period: TimePeriod
    providers: dict[str, Provider] = Field(description="those that were called")
    trends: dict[str, ProviderTrend]
    recommendations: list[ProviderAdvice]
