"""Errors, named for what the caller does next.

    TokentideError
    ├── SettingsError      exit 2: every problem of the settings at once
    ├── StoreError
    │   ├── StoreUnavailable   retry: the store did not answer, or said "not now"
    │   └── StoreRejected      stop, keep the offsets: the store understood and refused
    ├── LogMismatch        exit 3: the log, the commits and the stored progress contradict each other
    ├── TooManyRefused     exit 1: the log brings mostly what is refused; a person must look
    ├── DependencyUnavailable  exit 3: something that must be reachable is not
    └── QueryError         400: the caller asked for something that cannot be answered

A refused event is not an exception but data: `tokentide.events.Refusal`.
"""

from __future__ import annotations

__all__ = [
    "DependencyUnavailable",
    "LogMismatch",
    "QueryError",
    "SettingsError",
    "StoreError",
    "StoreRejected",
    "StoreUnavailable",
    "TokentideError",
    "TooManyRefused",
]


class TokentideError(Exception):
    """Any error that this project raises on purpose."""


class SettingsError(TokentideError):
    """Settings that cannot work; `problems` names each one."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class StoreError(TokentideError):
    """The store did not do what it was asked."""


class StoreUnavailable(StoreError):
    """The store did not answer or cannot now; the same call may succeed later."""


class StoreRejected(StoreError):
    """The store refused the call itself; repeating it changes nothing."""


class LogMismatch(TokentideError):
    """The log does not continue what the store holds; the message names the command that puts it right."""


class TooManyRefused(TokentideError):
    """Too large a share of a partition's recent records is refused; the message says which, why, and what to do."""


class DependencyUnavailable(TokentideError):
    """A part that this process needs (Kafka, ClickHouse, a topic) cannot be reached or is missing."""


class QueryError(TokentideError):
    """A question that cannot be answered; `field` names the parameter at fault when there is one."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field
