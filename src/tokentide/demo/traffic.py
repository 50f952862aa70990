"""Which events a week of real LLM traffic would bring: a pure, seeded generator.

The same arguments give the same events, in the order of their times, and all of them are valid. What goes wrong on the
way (repeats, late arrivals, events that break the contract) is added by `tokentide.demo.faults`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tokentide.demo.callers import Caller
from tokentide.demo.calls import Burst, call, virtual_row
from tokentide.demo.catalogue import MODELS
from tokentide.demo.chance import happens, pick, spread
from tokentide.demo.other_kinds import other_kind

__all__ = ["Event", "generate", "rfc3339"]

Event = dict[str, Any]
"""An event of the contract, as values that JSON can hold."""

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_SATURDAY = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def generate(seed: int, events: int, end_ms: int, projects: Sequence[str], days: float = 7) -> Iterator[Event]:
    """Realistic events of the last days before a moment, in the order of their times.

    Args:
        seed: the same seed, with the same other arguments, gives the same events.
        events: how many; the rows of virtual models and the other kinds are counted too.
        end_ms: no event begins after it; milliseconds since the epoch.
        projects: whose events; the first has the most, each further one fewer.
        days: how far the events reach back.
    """
    rng = Random(seed)  # noqa: S311  made-up traffic, not a secret
    callers = [Caller(rng, project) for project in projects]
    table = spread((caller, 1 / rank) for rank, caller in enumerate(callers, 1))
    virtual: Event | None = None  # the row of a virtual model follows its call
    for hour_ms, offsets_ms in _hours(rng, events, end_ms, days):
        prefix, burst = rfc3339(hour_ms)[:14], _burst(rng)
        for offset_ms in offsets_ms:
            minute, second = offset_ms // 60_000, offset_ms // 1000 % 60
            timestamp = f"{prefix}{minute:02}:{second:02}.{offset_ms % 1000:03}Z"
            if virtual is not None:
                yield virtual | {"timestamp": timestamp}
                virtual = None
                continue
            event = _event(rng, pick(rng, table), timestamp, burst if burst and burst.covers(offset_ms) else None)
            if "model" in event and happens(rng, 0.02):
                virtual = virtual_row(rng, event)
            yield event


def rfc3339(ms: int) -> str:
    """A moment, given in milliseconds since the epoch, as most producers write it: 2026-04-20T10:01:33.000Z."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _event(rng: Random, caller: Caller, timestamp: str, burst: Burst | None) -> Event:
    if happens(rng, 0.03):
        return other_kind(rng, caller.project_id, timestamp)
    event = call(rng, caller, timestamp, burst)
    if happens(rng, 0.05):  # some clients write microseconds and an offset
        event["timestamp"] = f"{timestamp[:-1]}{rng.randrange(1000):03}+00:00"
    return event


def _hours(rng: Random, events: int, end_ms: int, days: float) -> Iterator[tuple[int, list[int]]]:
    """The start of each hour with the sorted offsets of its events, all in milliseconds."""
    start_ms = end_ms - int(days * _DAY_MS)
    hours = range(start_ms - start_ms % _HOUR_MS, end_ms + 1, _HOUR_MS)
    edges = [(max(start_ms - hour_ms, 0), min(end_ms - hour_ms + 1, _HOUR_MS)) for hour_ms in hours]
    weights = [_load(hour_ms) * (after - first) for hour_ms, (first, after) in zip(hours, edges, strict=True)]
    total, reached, given = sum(weights), 0.0, 0
    for hour_ms, (first, after), weight in zip(hours, edges, weights, strict=True):
        reached += weight
        due = events if hour_ms == hours[-1] else round(events * reached / total)
        yield hour_ms, sorted(first + int(rng.random() * (after - first)) for _ in range(due - given))
        given = due


def _load(hour_ms: int) -> float:
    """How busy an hour of the week is: a wave with its peak at 15 o'clock UTC, and quiet weekends."""
    hour, weekday = hour_ms // _HOUR_MS % 24, (hour_ms // _DAY_MS + 3) % 7  # 1970-01-01 was a Thursday
    wave = 1 + 0.75 * math.cos((hour - 15) / 24 * 2 * math.pi)
    return wave * (0.45 if weekday >= _SATURDAY else 1.0)


def _burst(rng: Random) -> Burst | None:
    """In some hours one provider turns calls away for a few minutes."""
    if happens(rng, 0.75):
        return None
    return Burst(rng.choice(MODELS).provider, rng.randrange(57) * 60_000, rng.randint(1, 3) * 60_000)
