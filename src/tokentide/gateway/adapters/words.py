"""How are values of other formats said in the contract's words? One definition for all adapters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from tokentide.events.values import epoch_ms, event_uuid

__all__ = [
    "LONGEST_MESSAGE",
    "UNKNOWN",
    "an_object",
    "event_id",
    "five_way",
    "latency_between",
    "message",
    "moment_text",
    "operation",
    "read_ms",
    "text",
    "whole",
    "with_cached",
]

UNKNOWN = "unknown"
"""As a provider that a format does not name."""

LONGEST_MESSAGE = 500
"""Characters of an error message that are kept."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = {
    "chat": ("completion", "acompletion", "chat", "generate_content", "responses", "aresponses"),
    "embed": ("embedding", "embeddings", "aembedding"),
    "completion": ("text_completion", "atext_completion"),
    "rerank": ("rerank", "arerank"),
    "tool": ("execute_tool",),
    "agent": ("invoke_agent",),
}
_OPERATIONS = {theirs: ours for ours, words in _WORDS.items() for theirs in words}
_LONGEST_WHOLE = 20


def event_id(*names: str) -> str:
    """The identity of what is called so elsewhere: the same UUID, or one that is always made of the same names."""
    if len(names) == 1:
        try:
            return str(event_uuid(names[0]))
        except ValueError:
            pass
    return str(_made(names))


def _made(names: tuple[str, ...]) -> UUID:
    return uuid5(NAMESPACE_URL, "\n".join(names).encode(errors="surrogatepass").decode(errors="replace"))


def text(value: Any) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value else None


def message(value: Any) -> str | None:
    """An error's words, cut to what is kept."""
    said = text(value)
    return said[:LONGEST_MESSAGE] if said else None


def an_object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def whole(value: Any) -> Any:
    """A number that some formats write as text, or as a fraction of nothing; anything else stays for the judge."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_WHOLE:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def with_cached(read: Any, cached: Any) -> Any:
    """Input tokens that include the cached ones, also of producers that do not count those among them."""
    if isinstance(read, int) and isinstance(cached, int) and cached > read:
        return read + cached
    return read


def operation(word: Any) -> str | None:
    """The contract's word for an operation; None when the format does not say."""
    return _OPERATIONS.get(word.lower(), "custom") if isinstance(word, str) and word else None


def five_way(
    *, http_status: int | None = None, error_class: str | None = None, finish: str | None = None, failed: bool = False
) -> str:
    """How a call ended, of a format that does not say it in our five words."""
    timed_out = error_class is not None and "timeout" in error_class.lower()
    if http_status == 429:  # noqa: PLR2004  Too Many Requests
        return "rate_limited"
    if http_status in {408, 504} or timed_out:
        return "timeout"
    if http_status == 499 or finish == "cancelled":  # noqa: PLR2004  the client closed the request
        return "cancelled"
    if failed or error_class or (http_status or 0) >= 400:  # noqa: PLR2004  errors begin there
        return "error"
    return "success"


def read_ms(value: Any) -> int | None:
    """Milliseconds since the epoch of a time as text; without an offset it is UTC. None for anything else."""
    if not isinstance(value, str):
        return None
    for candidate in (value, value + "Z"):
        try:
            return epoch_ms(candidate)
        except ValueError:
            continue
    return None


def latency_between(start: Any, end: Any) -> float | None:
    """Milliseconds between two times as text, to the microsecond; None when either is none."""
    if read_ms(start) is None or read_ms(end) is None:
        return None
    first, last = (datetime.fromisoformat(value.upper().replace(" ", "T")) for value in (start, end))
    apart = last.replace(tzinfo=last.tzinfo or UTC) - first.replace(tzinfo=first.tzinfo or UTC)
    return apart / timedelta(milliseconds=1)


def moment_text(moment_ms: int) -> str:
    """A moment as the contract writes it; one that no calendar holds as its first or last."""
    try:
        moment = _EPOCH + timedelta(milliseconds=moment_ms)
    except OverflowError:
        moment = _EPOCH if moment_ms < 0 else datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
