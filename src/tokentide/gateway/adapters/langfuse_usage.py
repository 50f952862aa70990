"""How many tokens, at what cost? As Langfuse's clients say it: in its own words, in OpenAI's, or in older ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tokentide.gateway.adapters.payload import Fields
from tokentide.gateway.adapters.words import an_object, whole, with_cached

__all__ = ["cost_of", "usage_of"]

_READ = ("input_cached_tokens", "input_cache_read", "input_cache_read_tokens", "cache_read_input_tokens")
_WRITTEN = (
    *("input_cache_creation", "input_cache_creation_tokens", "input_cache_write", "cache_creation_input_tokens"),
)


def usage_of(given: Any) -> Fields:
    """The token counts; those that Langfuse splits off `input` because they were cached are counted there again."""
    usage = an_object(given)
    if "prompt_tokens" in usage:
        return _in_words_of_openai(usage)
    own = _first(usage, "input", "promptTokens")
    cached = _first(usage, *_READ)
    added = own + cached if isinstance(own, int) and isinstance(cached, int) else own
    return {
        "input_tokens": cached if added is None else added,
        "output_tokens": _first(usage, "output", "completionTokens"),
        "cached_tokens": cached,
        "cache_write_tokens": _first(usage, *_WRITTEN),
        "reasoning_tokens": _first(usage, "output_reasoning_tokens", "output_reasoning"),
    }


def cost_of(given: Any) -> Any:
    """The total, else the sum of its parts; None when nothing is said."""
    costs = an_object(given)
    for name in ("total", "totalCost"):
        if _is_amount(costs.get(name)) and (name == "totalCost" or not _counts_tokens(costs)):
            return costs[name]
    names = ("inputCost", "outputCost") if _counts_tokens(costs) else tuple(costs)
    parts = [Decimal(repr(costs[name])) for name in names if _is_amount(costs.get(name))]
    return format(sum(parts, Decimal(0)), "f") if parts else None


def _in_words_of_openai(usage: Any) -> Fields:
    cached = whole(an_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return {
        "input_tokens": with_cached(whole(usage["prompt_tokens"]), cached),
        "output_tokens": whole(usage.get("completion_tokens")),
        "cached_tokens": cached,
        "reasoning_tokens": whole(an_object(usage.get("completion_tokens_details")).get("reasoning_tokens")),
    }


def _counts_tokens(costs: Any) -> bool:
    """Whether it is an older `usage`, whose `input` and `total` are tokens and not dollars."""
    return any(name in costs for name in ("unit", "inputCost", "outputCost", "totalCost", "promptTokens"))


def _first(usage: Any, *names: str) -> Any:
    return next((whole(usage[name]) for name in names if usage.get(name) is not None), None)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
