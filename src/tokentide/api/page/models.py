"""What does the page's own answer look like? The dialects' answers as they are, and what none of them has."""

from __future__ import annotations

from pydantic import Field

from tokentide.api.lumiqtrace.models import Costs, Errors
from tokentide.api.perf.health import Providers
from tokentide.api.shapes import Answer, CamelAnswer

__all__ = ["Bucket", "Freshness", "Latency", "ModelFigures", "PageError", "Picture", "Shown", "Sums"]


class PageError(Answer):
    """A request that failed."""

    error: str = Field(description="what was wrong and what to do, for people")
    code: str = Field(description="the kind of failure")


class Latency(Answer):
    """Latency percentiles in milliseconds, from merged digests; 0 without calls."""

    p50: float
    p95: float
    p99: float


class Sums(CamelAnswer):
    """What calls add up to."""

    requests: int
    cost: float = Field(description="dollars")
    input_tokens: int
    output_tokens: int
    errors: int = Field(description="calls that ended in an error, a time-out or a rate limit")
    error_rate: float = Field(description="their share of the calls")


class Bucket(Sums):
    """One hour, or one day of a long span."""

    start: str
    latency: Latency


class ModelFigures(Sums):
    """One model."""

    model: str
    latency: Latency


class Shown(CamelAnswer):
    """What is shown: whose calls, and when."""

    organisation: str
    projects: list[str] = Field(description="those that may be chosen")
    project: str | None = Field(description="the one that was chosen; none for all of them")
    start: str
    end: str = Field(description="the first moment that is not shown any more")
    step_seconds: int = Field(description="length of a bucket")


class Freshness(CamelAnswer):
    """How far the data reaches."""

    now: str
    data_through: str | None = Field(description="as in X-Data-Through; none before anything was stored")
    lag_seconds: float | None = Field(description="from then to now")


class Picture(CamelAnswer):
    """Everything on the page."""

    shown: Shown
    freshness: Freshness
    total: Sums
    latency: Latency
    before: Sums = Field(description="as long a time before")
    timeline: list[Bucket] = Field(description="empty buckets included")
    models: list[ModelFigures] = Field(description="by requests, most first")
    month_to_date: float = Field(description="dollars, of the present month")
    projected_month_end: float = Field(description="dollars: this month's cost so far, at its pace to its end")
    costs: Costs = Field(description="as /v1/costs answers")
    errors: Errors = Field(description="as /v1/errors answers")
    providers: Providers = Field(description="as /v1/metrics/providers answers, over 24 hours")
