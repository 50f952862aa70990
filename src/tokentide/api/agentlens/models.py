"""What do AgentLens' answers look like?"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tokentide.api.shapes import CamelAnswer

__all__ = ["AgentLensError", "Analytics", "Detail", "Event", "Events", "ModelUsage", "Summary", "TimeUsage"]


class Detail(CamelAnswer):
    """What is wrong with one parameter."""

    path: str = Field(description="the parameter")
    message: str


class AgentLensError(CamelAnswer):
    """A request that failed."""

    error: str = Field(description="what was wrong, for people")
    status: int = Field(description="the HTTP status again")
    details: list[Detail] | None = Field(
        default=None, exclude_if=lambda details: details is None, description="which parameters are wrong, and how"
    )


class Summary(CamelAnswer):
    """All calls of the window together."""

    total_calls: int
    total_cost_usd: float = Field(description="dollars")
    total_input_tokens: int = Field(description="those read from a cache included")
    total_output_tokens: int
    avg_latency_ms: float = Field(description="milliseconds, over all calls")
    avg_cost_per_call: float = Field(description="dollars a call")


class ModelUsage(CamelAnswer):
    """The calls of one model of one provider."""

    provider: str
    model: str
    calls: int
    cost_usd: float = Field(description="dollars")
    input_tokens: int
    output_tokens: int
    avg_latency_ms: float = Field(description="milliseconds")


class TimeUsage(CamelAnswer):
    """The calls of one time bucket."""

    bucket: str = Field(description="its start; the first one may begin before the window, its calls do not")
    calls: int
    cost_usd: float = Field(description="dollars")
    input_tokens: int
    output_tokens: int
    avg_latency_ms: float = Field(description="milliseconds")


class Analytics(CamelAnswer):
    """LLM calls of a window."""

    summary: Summary
    by_model: list[ModelUsage] = Field(description="by cost, highest first")
    by_time: list[TimeUsage] = Field(description="buckets with calls, ascending")


class Event(CamelAnswer):
    """One LLM call, as AgentLens' event of its response."""

    id: str = Field(description="the event_id that the call was sent with")
    timestamp: str = Field(description="when the call began")
    session_id: str = Field(description="empty when the call belongs to none")
    agent_id: str = Field(description="empty when no agent made it")
    event_type: Literal["llm_response"]
    severity: Literal["info", "error"] = Field(description="error for a failed call")
    payload: dict[str, Any] = Field(description="provider, model, finishReason, usage, costUsd, latencyMs")
    metadata: dict[str, Any]
    prev_hash: str | None = Field(description="always null: events are not chained here")
    hash: str = Field(description="SHA-256 of the rest of the event, in hexadecimal")


class Events(CamelAnswer):
    """A page of events."""

    events: list[Event]
    total: int = Field(description="how many there are on all pages")
    has_more: bool
