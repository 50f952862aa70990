"""Which words stand for a refusal everywhere, whatever else a dialect calls it?"""

from __future__ import annotations

from tokentide.api.failures import Failure, Kind

__all__ = ["worded"]

_WORDS = {
    Kind.NO_KEY: "Invalid API key",
    Kind.MALFORMED_KEY: "Invalid API key",
    Kind.UNKNOWN_KEY: "Invalid API key",
    Kind.TOO_MANY_REQUESTS: "Rate limit exceeded",
    Kind.QUOTA_EXCEEDED: "Monthly quota exceeded",
}


def worded(failure: Failure) -> str:
    """The words of a failure."""
    return _WORDS.get(failure.kind, failure.message)
