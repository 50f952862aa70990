"""The event contract: what one event is, field by field. Everything else that reads events follows this model.

An event describes one LLM call, MCP call, guardrail run, gateway rule application or agent request. Unknown fields are
ignored, an explicit null counts as absent, and JSON types are strict: no text or boolean stands for a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from msgspec import Meta
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from tokentide.events.values import MAX_COST_USD, NANOS_PER_DOLLAR, epoch_ms, event_uuid, label_text, nanos

__all__ = ["Event", "Fast", "broken_rule"]


@dataclass(frozen=True, slots=True)
class Fast:
    """Marks a field whose text the fast decoder takes as `type`; its meaning is then computed by `events.values`."""

    type: Any


def _read_id(value: object) -> object:
    return event_uuid(value) if isinstance(value, str) else value


def _read_timestamp(value: object) -> object:
    if isinstance(value, str):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _read_timestamp(value.isoformat())
    raise ValueError("must be RFC 3339 text with an offset")


def _read_cost(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("must be a number or a decimal text")  # noqa: TRY004  pydantic asks for ValueError
    return Decimal(nanos(Decimal(value) if isinstance(value, int) else value)).scaleb(-9)


def _read_map(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    return {key: label_text(label) for key, label in value.items()}


EventId = Annotated[UUID, BeforeValidator(_read_id), Fast(UUID)]
Timestamp = Annotated[datetime, BeforeValidator(_read_timestamp), Fast(str)]
Cost = Annotated[
    Decimal,
    BeforeValidator(_read_cost),
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_COST_USD}, {"type": "string"}]}),
    Fast(float | str),
]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=1024)]
FastLabel = (
    Annotated[str, Meta(max_length=1024)]
    | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # the text of a larger one may be too long
    | float
    | bool
    | None
)
Labels = Annotated[
    dict[str, Label],
    Field(max_length=64),
    BeforeValidator(_read_map),
    Fast(Annotated[dict[str, FastLabel], Meta(max_length=64)]),
]


class Event(BaseModel):
    """One event. Times are UTC, money is in dollars, durations are in milliseconds."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    event_id: EventId = Field(description="identity within its project; the same id counts once")
    project_id: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="whose call it was")
    org_id: str | None = Field(None, description="organisation, set by the gateway")
    timestamp: Timestamp = Field(description="when the call began")
    kind: Literal["llm", "mcp", "guardrail", "config", "agent"] = Field("llm", description="what was called")
    trace_id: str | None = Field(None, description="trace that the call belongs to")
    span_id: str | None = Field(None, description="span that is the call")
    parent_span_id: str | None = Field(None, description="span that made the call")

    provider: Name | None = Field(None, description="who answered; required for kind llm")
    model: Name | None = Field(None, description="model that answered; required for kind llm")
    requested_model: str | None = Field(None, description="model that the caller or router asked for")
    virtual_model: str | None = Field(None, description="set on the row of a virtual model; absent on a concrete row")
    provider_model_name: str | None = Field(None, description="the model's name at its provider")
    provider_account_type: str | None = Field(None, description="kind of account at the provider")
    attempt: Count | None = Field(None, description="which attempt it was, as a gateway counts")
    operation: str = Field("chat", description="chat, embed, tool, agent, completion, rerank or custom")
    status: Literal["success", "error", "timeout", "rate_limited", "cancelled"] = Field(description="how it ended")
    error_code: str | None = Field(None, description="what went wrong, as a code")
    error_message: Annotated[str, Field(max_length=500)] | None = Field(None, description="what went wrong, in words")
    http_status: Annotated[int, Field(ge=0, le=999)] | None = Field(None, description="status of the answer")
    latency_ms: Milliseconds = Field(description="end to end")
    stream: bool = Field(False, description="whether the answer was streamed")
    ttft_ms: Milliseconds | None = Field(None, description="time to the first token, streaming calls only")
    inter_token_latency_ms: Milliseconds | None = Field(None, description="mean time between two tokens")
    time_per_output_token_ms: Milliseconds | None = Field(None, description="mean time for one output token")
    input_tokens: Count = Field(0, description="cached ones included")
    output_tokens: Count = Field(0, description="tokens of the answer")
    cached_tokens: Count = Field(0, description="input tokens read from the provider's prompt cache")
    cache_write_tokens: Count = Field(0, description="input tokens written to the provider's prompt cache")
    reasoning_tokens: Count = Field(0, description="tokens of thinking")
    cost_usd: Cost = Field(Decimal(0), description="in dollars, kept to nine places")
    finish_reason: str | None = Field(None, description="why the answer ended; length and content_filter are failures")

    agent_id: str | None = Field(None, description="agent that made the call")
    agent_name: str | None = Field(None, description="its name")
    agent_framework: str | None = Field(None, description="what it is built with")
    agent_server_type: str | None = Field(None, description="what serves it")
    session_id: str | None = Field(None, description="conversation that the call belongs to")
    user_id: str | None = Field(None, description="user on whose behalf it was made")
    subject_slug: str | None = Field(None, description="user or virtual account that made it")
    subject_type: Literal["user", "virtualaccount"] | None = Field(None, description="which of the two")
    teams: list[str] = Field(default_factory=list, description="teams that it counts for")
    environment: str | None = Field(None, description="such as production")
    sdk_version: str | None = Field(None, description="of the producer")
    prompt_hash: str | None = Field(None, description="hash of the prompt's template")
    span_kind: str | None = Field(None, description="kind of the span")
    tags: Labels = Field(default_factory=dict, description="merged into metadata, and stronger")
    metadata: Labels = Field(default_factory=dict, description="what is not text is kept as its JSON text")
    sample_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        1.0, description="kept; counts are not weighted by it"
    )

    task_type: str | None = Field(None, description="what the call was for")
    complexity: Share | None = Field(None, description="of the task")
    quality_score: Share | None = Field(None, description="of the answer")
    validation_passed: bool | None = Field(None, description="whether the answer had the form that was asked for")
    routing_correct: bool | None = Field(None, description="explicit verdict on the routing")
    fallback_used: bool = Field(False, description="another model answered than was asked")
    cost_ceiling_hit: bool = Field(False, description="a limit of cost was reached")
    model_pinned: bool = Field(False, description="the caller allowed no other model")
    retry_count: Count = Field(0, description="how often it was tried again")
    failure_mode: Literal["format_violation", "refusal", "hallucination", "incomplete", "reasoning_error"] | None = (
        Field(None, description="set means a failure, even when recovered")
    )
    failure_trigger: str | None = Field(None, description="what led to the failure")
    recovered_by: Literal["retry", "fallback"] | None = Field(None, description="what repaired the failure")
    cost_ceiling_usd: Cost | None = Field(None, description="limit of cost, in dollars")

    cache_lookup_status: Literal["hit", "miss", "error"] | None = Field(
        None, description="set means that the gateway's cache was asked"
    )
    cache_type: str | None = Field(None, description="kind of that cache")
    cache_namespace: str | None = Field(None, description="part of that cache")
    cache_lookup_latency_ms: Milliseconds | None = Field(None, description="time of the look-up")
    potential_cost_savings: Cost | None = Field(None, description="what a hit saves, in dollars")

    mcp_server_name: str | None = Field(None, description="required for kind mcp")
    mcp_method: str | None = Field(None, description="required for kind mcp")
    tool_name: str | None = Field(None, description="tool that was called")
    guardrail_name: str | None = Field(None, description="required for kind guardrail")
    guardrail_result: str | None = Field(None, description="what the guardrail decided")
    applied_on_entity_scope: str | None = Field(None, description="what the guardrail was applied to")
    config_type: str | None = Field(None, description="required for kind config")
    config_status: str | None = Field(None, description="what became of the rule")
    target_model: str | None = Field(None, description="model that the rule chose")
    loadbalance_rule_id: str | None = Field(None, description="rule that balanced the load")
    ratelimit_rule_id: str | None = Field(None, description="rule that limited the rate")
    budget_rule_id: str | None = Field(None, description="rule that limited the cost")
    loadbalance_target_attempt_count: Count | None = Field(None, description="how many targets were tried")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Event:
        broken = broken_rule(self)
        if broken is not None:
            raise ValueError(f"{broken[0]}: {broken[1]}")
        return self

    @property
    def cost_nanos(self) -> int:
        """The cost in nano-dollars."""
        return int(self.cost_usd * NANOS_PER_DOLLAR)


class _Ruled(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def input_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...


_NEEDS = {
    "llm": ("provider", "model"),
    "mcp": ("mcp_server_name", "mcp_method"),
    "guardrail": ("guardrail_name",),
    "config": ("config_type",),
    "agent": (),
}
REQUIRED_FOR = "is required for kind "
"""How the text of a broken requirement begins: that is a missing field, not a bad value."""


def broken_rule(event: _Ruled) -> tuple[str, str] | None:
    """The first rule between fields that the event breaks, as (field, what is wrong); None when it keeps them all."""
    for field in _NEEDS[event.kind]:
        if getattr(event, field) is None:
            return field, REQUIRED_FOR + event.kind
    if event.cached_tokens > event.input_tokens:
        return "cached_tokens", "must not exceed input_tokens, which include them"
    return None
