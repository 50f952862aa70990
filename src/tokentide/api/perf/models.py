"""What do Perf's overview and its answer on the account look like, and its failures?"""

from __future__ import annotations

from pydantic import Field

from tokentide.api.perf.days import Days
from tokentide.api.shapes import Answer
from tokentide.api.times import iso_seconds

__all__ = [
    "BehaviorInsights",
    "Comparison",
    "CostAnalysis",
    "Customer",
    "Failure",
    "ModelShare",
    "OverviewSummary",
    "PerfError",
    "PerfOverview",
    "Period",
    "PeriodOfDays",
    "QualityPreferences",
    "Routing",
    "TaskProfile",
    "Usage",
]


class Failure(Answer):
    """Why a request failed."""

    code: str = Field(description="for programs: invalid_request, invalid_api_key, rate_limit_exceeded, …")
    message: str = Field(description="what was wrong, for people")
    type: str
    request_id: str = Field(description="which request it was; the log of the service names it, too")


class PerfError(Answer):
    """A request that failed."""

    error: Failure


class Period(Answer):
    """The days of an answer."""

    start_date: str = Field(description="the midnight with which the first day begins, UTC")
    end_date: str = Field(description="the last second of today, UTC")

    @classmethod
    def of(cls, days: Days) -> Period:
        """The first and the last second of the days."""
        return cls(start_date=iso_seconds(days.window.start_ms), end_date=iso_seconds(days.window.end_ms - 1000))


class PeriodOfDays(Period):
    """The days of an answer, and how many they are."""

    days: int

    @classmethod
    def of(cls, days: Days) -> PeriodOfDays:
        """See `Period.of`."""
        return cls(**Period.of(days).model_dump(), days=days.count)


class OverviewSummary(Answer):
    """All calls together."""

    total_calls: int
    total_cost_usd: float
    avg_cost_per_call: float = Field(description="dollars")
    avg_latency_ms: float
    success_rate: float = Field(description="share of calls that were no failure; a recovered failure is one")


class Routing(Answer):
    """How well calls were routed."""

    accuracy: float = Field(description="share of right verdicts, over calls that have one or a requested model")
    fallback_rate: float = Field(description="share of calls that a fallback answered")
    retry_rate: float = Field(description="share of calls that were tried more than once")


class ModelShare(Answer):
    """The calls of one model."""

    calls: int
    percentage: float = Field(description="share of all calls, 0 to 1")
    avg_cost: float = Field(description="dollars a call")
    avg_latency_ms: float


class PerfOverview(Answer):
    """The performance at a glance."""

    period: PeriodOfDays
    summary: OverviewSummary
    routing: Routing
    models: dict[str, ModelShare] = Field(description="by calls, most first")
    task_distribution: dict[str, float] = Field(description="task → share of all calls; `unknown` for calls without")


class Usage(Answer):
    """How much was used."""

    total_calls: int
    total_tokens: int = Field(description="read and written")
    total_cost_usd: float
    avg_calls_per_day: int = Field(description="rounded")


class Comparison(Answer):
    """The same tokens at the comparison model's prices."""

    cost_if_gpt4o: float = Field(description="dollars")
    savings_usd: float = Field(description="negative when the comparison model would have cost less")
    savings_percentage: float = Field(description="per cent")


class CostAnalysis(Answer):
    """What calls cost, in dollars."""

    current_month: float = Field(description="this calendar month, today included")
    previous_month: float = Field(description="the whole calendar month before")
    change_percentage: float = Field(description="per cent; 0 when nothing was spent before")
    projected_month_end: float = Field(description="this month, when the rest of it is like what has passed")
    vs_gpt4o_only: Comparison


class QualityPreferences(Answer):
    """What the account prefers."""

    cost_vs_quality_ratio: float | None = Field(description="as set for the account; null when it is not")
    latency_sensitivity: float | None = Field(description="as set for the account; null when it is not")
    preferred_models: list[str] = Field(description="the two with most calls")


class TaskProfile(Answer):
    """What calls are for."""

    dominant_tasks: list[str] = Field(description="the two with most calls")
    complexity_avg: float = Field(description="mean of the complexities that were given, 0 to 1")
    task_overrides: dict[str, str] = Field(description="task → the model that half of its calls or more are pinned to")


class BehaviorInsights(Answer):
    """How calls are made."""

    peak_hours: list[int] = Field(description="hours of the day, UTC, that are clearly above the mean; at most six")
    avg_conversation_length: float | None = Field(description="calls a session; null when single events are not kept")
    retry_rate: float
    cost_ceiling_hit_rate: float


class Customer(Answer):
    """The account's own figures."""

    account_id: str = Field(description="the organisation")
    period: Period
    usage: Usage
    cost_analysis: CostAnalysis
    quality_preferences: QualityPreferences
    task_profile: TaskProfile
    behavior_insights: BehaviorInsights
