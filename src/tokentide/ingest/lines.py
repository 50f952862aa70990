"""From chunks of bytes to lines that are events or refused: pure, and with bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tokentide.events import Decoded, Limits, Reason, decode
from tokentide.shards import record_key

__all__ = ["Accepted", "LineSplitter", "Refused", "judge"]

Line = tuple[int, bytes]
"""A line's number, from 1, and its bytes without the line end."""


class Accepted(NamedTuple):
    """A line that is an event: the key of the record that will take it, and its bytes."""

    key: bytes
    body: bytes


class Refused(NamedTuple):
    """A line that is none, and why; `line` counts from 1."""

    line: int
    reason: Reason
    detail: str


class LineSplitter:
    """Cuts a stream of chunks into lines; of a line that is too long only the beginning is kept.

    Args:
        max_bytes: length from which a line is too long; such a line comes out one byte longer than that.
    """

    def __init__(self, max_bytes: int) -> None:
        self._kept = max_bytes + 1
        self._begun = b""
        self._number = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that the chunk completes; blank ones are counted and left out."""
        first, *others = chunk.split(b"\n")
        whole = [self._begun + first, *others]
        self._begun = whole.pop()[: self._kept]
        return self._numbered(whole)

    def end(self) -> list[Line]:
        """The last line, when the stream did not end with a line end."""
        last, self._begun = self._begun, b""
        return self._numbered([last]) if last else []

    def _numbered(self, lines: Sequence[bytes]) -> list[Line]:
        first = self._number + 1
        self._number += len(lines)
        trimmed = [line.strip() if len(line) < self._kept else line[: self._kept] for line in lines]
        return [(number, line) for number, line in enumerate(trimmed, first) if line]


def judge(
    lines: Sequence[Line], now_ms: int, limits: Limits, shards: Mapping[str, int]
) -> tuple[list[Accepted], list[Refused]]:
    """What the worker will accept and what it would refuse, were the lines sent now."""
    accepted, refused = [], []
    for number, body in lines:
        verdict = decode(body, now_ms, limits)
        problem = _problem(body, verdict)
        if problem is not None:
            refused.append(Refused(number, *problem))
        else:
            event = verdict.events[0]
            accepted.append(Accepted(record_key(event.project_id, event.event_id, shards), body))
    return accepted, refused


def _problem(body: bytes, verdict: Decoded) -> tuple[Reason, str] | None:
    if verdict.refusals:
        return verdict.refusals[0].reason, verdict.refusals[0].detail
    if body[:1] == b"[" or len(verdict.events) != 1:
        return Reason.NOT_JSON, "not one JSON object: a line of NDJSON holds one event"
    return None
