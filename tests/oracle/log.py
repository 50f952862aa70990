"""Which sent events count, decided by brute force from the log alone: the oracle's own reading of raw events.

Nothing here or beside it comes from the package under test; a test holds that.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

__all__ = ["Call", "Sent", "calls", "millis"]

DEDUP_WINDOW_MS = 600_000


class Sent(NamedTuple):
    """One valid event as it stands in the log.

    Attributes:
        partition: of the topic.
        offset: of its record.
        record_ms: the record's timestamp.
        event: the JSON object as it was sent.
    """

    partition: int
    offset: int
    record_ms: int
    event: dict[str, Any]


class Call(NamedTuple):
    """One LLM call that counts; money in dollars and durations in milliseconds are exact fractions."""

    project: str
    event_id: str
    ms: int
    model: str
    status: str
    code: str | None
    latency: Fraction
    ttft: Fraction | None
    read: int
    written: int
    cached: int
    cost: Fraction
    raw: dict[str, Any] = {}


def calls(log: Iterable[Sent], window_ms: int = DEDUP_WINDOW_MS) -> list[Call]:
    """The calls that count: of each identity the first, and of those the LLM calls of concrete models.

    An event is a repeat when the same project's same event_id, itself a repeat or not, stands earlier in the last
    `window_ms` of its partition's log time, which is the running maximum of the record timestamps.
    """
    log_ms: dict[int, int] = {}
    seen: dict[tuple[int, str, UUID], int] = {}
    counted = []
    for sent in sorted(log, key=lambda sent: (sent.partition, sent.offset)):  # a stable sort keeps a record's order
        time = log_ms[sent.partition] = max(log_ms.get(sent.partition, 0), sent.record_ms)
        identity = (sent.partition, sent.event["project_id"], UUID(sent.event["event_id"]))
        repeat = identity in seen and time - seen[identity] <= window_ms
        seen[identity] = time
        if not repeat and sent.event.get("kind", "llm") == "llm" and sent.event.get("virtual_model") is None:
            counted.append(_call(sent.event))
    return counted


def _call(event: dict[str, Any]) -> Call:
    streamed = event.get("stream", False) and event.get("ttft_ms") is not None
    return Call(
        project=event["project_id"],
        event_id=str(UUID(event["event_id"])),
        ms=millis(event["timestamp"]),
        model=event["model"],
        status=event["status"],
        code=event.get("error_code"),
        latency=_exact(event["latency_ms"]),
        ttft=_exact(event["ttft_ms"]) if streamed else None,
        read=event.get("input_tokens") or 0,
        written=event.get("output_tokens") or 0,
        cached=event.get("cached_tokens") or 0,
        cost=round(_exact(event.get("cost_usd") or 0), 9),
        raw=event,
    )


def _exact(number: float | str) -> Fraction:
    """The decimal number that stands in the JSON text, not the nearest double."""
    return Fraction(Decimal(str(number)))


def millis(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 text, cut to the millisecond."""
    date, clock = text[:10], text[11:]
    if clock[-1] in "Zz":
        clock, offset_minutes = clock[:-1], 0
    else:
        sign = -1 if clock[-6] == "-" else 1
        offset_minutes = sign * (int(clock[-5:-3]) * 60 + int(clock[-2:]))
        clock = clock[:-6]
    whole, _, digits = clock.partition(".")
    year, month, day = (int(part) for part in date.split("-"))
    hour, minute, second = (int(part) for part in whole.split(":"))
    seconds = calendar.timegm((year, month, day, hour, minute, second)) - offset_minutes * 60
    return seconds * 1000 + int((digits + "000")[:3])
