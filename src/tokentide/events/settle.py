"""What do the texts of decoded events mean, and do the events keep the rules that no single field tells?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tokentide.events.model import broken_rule
from tokentide.events.values import epoch_ms, label_text, nanos

__all__ = ["Span", "settle", "settle_all"]

_ASK_FOR_MORE = frozenset(
    {
        "cost_ceiling_nanos",
        "cost_ceiling_usd",
        "kind",
        "metadata",
        "potential_cost_savings",
        "potential_savings_nanos",
        "tags",
    }
)
"""Fields without which little is left to do."""


class Span(NamedTuple):
    """The event times that a record may hold, in milliseconds: oldest <= time <= newest."""

    oldest: int
    newest: int


def settle_all(events: Sequence[Any], span: Span) -> bool:
    """Compute what the texts of events of one type mean; False when the model must have a look at one of them."""
    if not events:
        return True
    if not _ASK_FOR_MORE.isdisjoint(type(events[0]).__struct_fields__):
        return all(settle(event, span) for event in events)
    oldest_ms, newest_ms = span
    try:
        for event in events:  # the hot path: `settle` for calls of an LLM, spelled out
            event.event_time_ms = time_ms = epoch_ms(event.timestamp)
            event.cost_nanos = nanos(event.cost_usd)
            if not oldest_ms <= time_ms <= newest_ms or event.cached_tokens > event.input_tokens:
                return False
            if event.provider is None or event.model is None:
                return False
    except ValueError:
        return False
    return True


def settle(event: Any, span: Span) -> bool:
    """Compute what one event's texts mean; False when the model must have a look."""
    try:
        event.event_time_ms = epoch_ms(event.timestamp)
        event.cost_nanos = nanos(event.cost_usd)
        if event.cost_ceiling_usd is not None or event.cost_ceiling_nanos is not None:
            event.cost_ceiling_nanos = _nanos_if_given(event.cost_ceiling_usd)
        if event.potential_cost_savings is not None or event.potential_savings_nanos is not None:
            event.potential_savings_nanos = _nanos_if_given(event.potential_cost_savings)
    except ValueError:
        return False
    if event.metadata or event.tags:
        labels = event.metadata | event.tags if event.tags else event.metadata
        event.metadata = {key: label_text(value) for key, value in labels.items()}
    if not span.oldest <= event.event_time_ms <= span.newest:
        return False
    if event.kind == "llm" and event.cached_tokens <= event.input_tokens:  # the rule of most events
        return event.provider is not None and event.model is not None
    return broken_rule(event) is None


def _nanos_if_given(amount: float | str | None) -> int | None:
    return None if amount is None else nanos(amount)
