"""What do Perf's answers on performance, on failures and on single days look like?"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tokentide.api.perf.models import Period
from tokentide.api.shapes import Answer

__all__ = [
    "Daily",
    "DailyTrends",
    "Dates",
    "Day",
    "FailingModel",
    "FailureMode",
    "FailureSummary",
    "Failures",
    "Mitigation",
    "ModelPerformance",
    "PerfPerformance",
    "Quality",
    "Recommendation",
    "TaskPerformance",
    "Volume",
]

Volume = Literal["increasing", "stable", "decreasing"]
Quality = Literal["improving", "stable", "degrading"]


class ModelPerformance(Answer):
    """How one model does at one task."""

    calls: int
    success_rate: float
    avg_cost_usd: float
    avg_latency_ms: float
    quality_score: float | None = Field(description="mean of the scores that were given; null when none was")


class TaskPerformance(Answer):
    """How models do at one task."""

    total_calls: int
    models: dict[str, ModelPerformance] = Field(description="by calls, most first")
    optimal_model: str | None = Field(description="best quality for its cost, of those with thirty calls or more")
    optimal_reason: str


class Recommendation(Answer):
    """A change of model that saves money and costs no quality."""

    task_type: str
    current_model: str = Field(description="the one with most calls")
    recommended_model: str = Field(description="the optimal one")
    potential_savings_usd: float = Field(description="for as many calls as the current model had, at least 0")
    quality_improvement: float


class PerfPerformance(Answer):
    """How models do, by task."""

    period: Period
    by_task_type: dict[str, TaskPerformance] = Field(description="by calls, most first")
    recommendations: list[Recommendation]


class FailureSummary(Answer):
    """All failures together."""

    total_failures: int = Field(description="errors, time-outs, rate limits, and whatever has a failure mode")
    failure_rate: float
    retries_succeeded: int
    fallback_succeeded: int
    unrecoverable: int


class FailureMode(Answer):
    """Failures of one mode."""

    count: int
    percentage: float = Field(description="share of all failures, 0 to 1")
    affected_models: list[str] = Field(description="the two with most of them")
    common_triggers: list[str] = Field(description="the two most frequent; empty when single events are not kept")


class FailingModel(Answer):
    """Failures of one model."""

    total_calls: int
    failures: int
    failure_rate: float
    top_failure_modes: list[str] = Field(description="the two most frequent")


class Mitigation(Answer):
    """What may help against a mode that a fifth of all failures or more have."""

    issue: str
    recommendation: str
    expected_improvement: str


class Failures(Answer):
    """Why calls fail."""

    period: Period
    summary: FailureSummary
    by_failure_mode: dict[str, FailureMode] = Field(description="by count, most first; every failure has one mode")
    by_model: dict[str, FailingModel] = Field(description="models with failures, by calls")
    mitigation_recommendations: list[Mitigation]


class Dates(Answer):
    """The first and the last day of an answer."""

    start_date: str
    end_date: str


class Day(Answer):
    """One day, UTC."""

    date: str
    total_calls: int
    total_cost_usd: float
    avg_latency_ms: float
    success_rate: float
    model_distribution: dict[str, int] = Field(description="model → calls")
    task_distribution: dict[str, int] = Field(description="task → calls")


class DailyTrends(Answer):
    """The second half of the days held against the first."""

    calls_trend: Volume
    cost_trend: Volume
    quality_trend: Quality
    avg_daily_growth: float = Field(description="mean growth of calls from one day to the next, as a share")


class Daily(Answer):
    """Figures day by day."""

    period: Dates
    daily_data: list[Day] = Field(description="every day of the period")
    trends: DailyTrends
