"""What do LumiqTrace's answers look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tokentide.api.shapes import Answer, CamelAnswer

__all__ = [
    "CostByModel",
    "Costs",
    "DayCost",
    "Error",
    "ErrorGroup",
    "Errors",
    "Kpis",
    "Overview",
    "Percentiles",
    "Performance",
    "RateLimitedHour",
    "RecentError",
    "TimelineBucket",
    "TopModel",
]


class Error(Answer):
    """A request that failed."""

    error: str = Field(description="what was wrong, for people")


class Kpis(CamelAnswer):
    """The figures of a period."""

    total_requests: int = Field(description="LLM calls")
    total_cost: float = Field(description="dollars")
    avg_latency: float = Field(description="milliseconds, over all calls")
    error_rate: float = Field(description="share of calls that ended in an error, a time-out or a rate limit")


class TimelineBucket(Answer):
    """One hour, or one day of a long period."""

    hour: str = Field(description="start of the bucket")
    requests: int
    cost: float = Field(description="dollars")
    errors: int = Field(description="calls that ended in an error, a time-out or a rate limit")


class TopModel(Answer):
    """What one model cost."""

    model: str
    cost: float = Field(description="dollars")
    requests: int


class RecentError(Answer):
    """One call without success."""

    event_id: str
    model: str
    status: Literal["error", "timeout", "rate_limited", "cancelled"]
    error_code: str
    timestamp: str = Field(description="when the call began")


class Overview(CamelAnswer):
    """A project at a glance."""

    kpis: Kpis
    timeline: list[TimelineBucket] = Field(description="hours up to seven days, else days; empty ones included")
    top_models: list[TopModel] = Field(description="the five that cost most")
    recent_errors: list[RecentError] = Field(description="the ten newest, newest first")


class CostByModel(Answer):
    """What one model cost."""

    model: str
    total_cost: float = Field(description="dollars")
    calls: int
    avg_cost: float = Field(description="dollars a call")


class DayCost(Answer):
    """What one day cost."""

    date: str
    cost: float = Field(description="dollars")


class Costs(CamelAnswer):
    """What a period cost."""

    by_model: list[CostByModel] = Field(description="by cost, highest first")
    daily_trend: list[DayCost] = Field(description="every day of the period, UTC")
    mtd_total: float = Field(description="dollars since the month of the period's end began, up to that end")
    forecast_30d: float = Field(serialization_alias="forecast30d", description="dollars: the mean day, thirty times")
    cache_rate: float = Field(description="share of the input tokens that came from the provider's prompt cache")


class Percentiles(Answer):
    """Latency percentiles in milliseconds."""

    p50: float
    p90: float
    p99: float


class Performance(CamelAnswer):
    """How fast calls were."""

    latency_percentiles: Percentiles
    avg_ttft: float = Field(description="milliseconds to the first token, over streaming calls")
    tokens_per_sec: float = Field(description="output tokens for each second of latency, over all calls")
    timeout_rate: float = Field(description="share of calls that timed out")


class ErrorGroup(Answer):
    """Failed calls of one code."""

    error_code: str
    count: int
    trend: Literal["increasing", "stable", "decreasing"] = Field(description="against as long a time before")
    top_model: str = Field(description="the model with most of them")


class RateLimitedHour(Answer):
    """An hour with rate-limited calls."""

    hour: str
    rate_limited_count: int


class Errors(CamelAnswer):
    """What went wrong."""

    error_groups: list[ErrorGroup] = Field(description="by count, highest first")
    rate_limit_heatmap: list[RateLimitedHour] = Field(description="hours with rate-limited calls, ascending")
