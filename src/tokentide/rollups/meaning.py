"""What one call counts as: decided in one place for every rollup."""

from __future__ import annotations

from tokentide.events import DecodedEvent

__all__ = ["error_code", "failure_mode", "hit_ceiling", "is_concrete_call", "routing_verdict"]

_FAILED = frozenset({"error", "timeout", "rate_limited"})


def is_concrete_call(event: DecodedEvent) -> bool:
    """Whether the rollups count the event: an LLM call, and not the row of a virtual model."""
    return event.kind == "llm" and event.virtual_model is None


def error_code(event: DecodedEvent) -> str | None:
    """The group of a failed call; None for a call that succeeded or was cancelled."""
    if event.status not in _FAILED:
        return None
    if event.error_code is not None:
        return str(event.error_code)
    return "unknown" if event.status == "error" else str(event.status)


def failure_mode(event: DecodedEvent) -> str | None:
    """How the call failed; None when it did not. A given failure mode is a failure even when it was recovered."""
    if event.failure_mode is not None:
        return str(event.failure_mode)
    if event.status not in _FAILED:
        return None
    if event.finish_reason == "length":
        return "incomplete"
    if event.finish_reason == "content_filter":
        return "refusal"
    return "format_violation" if event.validation_passed is False else "provider_error"


def routing_verdict(event: DecodedEvent, *, failed: bool) -> bool | None:
    """Whether the router chose right; None when nothing tells."""
    if event.routing_correct is not None:
        return bool(event.routing_correct)
    if event.requested_model is None:
        return None
    return event.model == event.requested_model and not event.fallback_used and not failed


def hit_ceiling(event: DecodedEvent) -> bool:
    """Whether the call hit its cost ceiling: it says so, or it cost more."""
    ceiling = event.cost_ceiling_nanos
    return bool(event.cost_ceiling_hit or (ceiling is not None and event.cost_nanos > ceiling))
