"""What can a request fail for? A closed list, each with its HTTP status; a dialect only finds the words.

Refused    raised anywhere while a request is answered; carries a Failure
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from tokentide.errors import DependencyUnavailable, QueryError, StoreOverLimit, StoreUnavailable, TokentideError

__all__ = ["Failure", "Kind", "Refused", "failure_of"]

_STORE_RETRY_SECONDS = 5
_KAFKA_RETRY_SECONDS = 2


class Kind(Enum):
    """Why a request failed."""

    NO_KEY = auto()
    MALFORMED_KEY = auto()
    UNKNOWN_KEY = auto()
    WRONG_ROLE = auto()
    FOREIGN_PROJECT = auto()
    BAD_REQUEST = auto()
    TOO_HEAVY = auto()
    TOO_SLOW = auto()
    TOO_LARGE = auto()
    UNSUPPORTED = auto()
    CLIENT_LEFT = auto()
    TOO_MANY_REQUESTS = auto()
    QUOTA_EXCEEDED = auto()
    INTERNAL = auto()
    UNAVAILABLE = auto()


_STATUS = {
    Kind.NO_KEY: 401,
    Kind.MALFORMED_KEY: 401,
    Kind.UNKNOWN_KEY: 401,
    Kind.WRONG_ROLE: 403,
    Kind.FOREIGN_PROJECT: 403,
    Kind.BAD_REQUEST: 400,
    Kind.TOO_HEAVY: 400,
    Kind.TOO_SLOW: 408,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.CLIENT_LEFT: 499,
    Kind.TOO_MANY_REQUESTS: 429,
    Kind.QUOTA_EXCEEDED: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed request.

    Attributes:
        kind: why.
        message: what was wrong, for people; a dialect may have its own words for the kind.
        field: the parameter at fault, when there is one.
        retry_after_seconds: when to try again, when that may help.
        request_id: of the request, once it is known.
    """

    kind: Kind
    message: str
    field: str | None = None
    retry_after_seconds: int | None = None
    request_id: str = ""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return _STATUS[self.kind]


class Refused(TokentideError):
    """The request cannot be answered; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: Exception) -> Failure:
    """What to answer for an error that ended a request; what is not foreseen is an internal failure."""
    match error:
        case Refused():
            return error.failure
        case QueryError():
            return Failure(Kind.BAD_REQUEST, str(error), error.field)
        case StoreOverLimit():
            message = "This takes more time or memory than one question may. Ask about a shorter time, or fewer groups."
            return Failure(Kind.TOO_HEAVY, message)
        case StoreUnavailable():
            message = "The data cannot be read right now. Try again later."
            return Failure(Kind.UNAVAILABLE, message, retry_after_seconds=_STORE_RETRY_SECONDS)
        case DependencyUnavailable():
            message = "The events cannot be taken right now. Send them again later; what comes twice counts once."
            return Failure(Kind.UNAVAILABLE, message, retry_after_seconds=_KAFKA_RETRY_SECONDS)
        case _:
            return Failure(Kind.INTERNAL, "Internal server error")
