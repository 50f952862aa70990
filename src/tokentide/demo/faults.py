"""What goes wrong between a producer and the log: repeats, late arrivals, events that break the contract.

`with_faults` turns good events into the lines that a producer would send; each line says what it is, so that a test
or a proof knows what must be counted, what must not, and why.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random

import msgspec

from tokentide.demo.chance import happens
from tokentide.demo.traffic import Event, rfc3339
from tokentide.events import Limits, Reason

__all__ = ["BAD_LINES", "Faults", "Line", "bad_line", "whole_record", "with_faults"]

_DAY_MS = 86_400_000
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Faults:
    """How much goes wrong, as shares of the good events.

    Attributes:
        repeated: sent twice.
        late: held back, so that they arrive after younger ones.
        bad: for each good one so many that break the contract.
        distance: a repeat or a late arrival comes at most so many events after its place.
    """

    repeated: float = 0.0
    late: float = 0.0
    bad: float = 0.0
    distance: int = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """What a producer sends for one event.

    Attributes:
        project_id: the key of its record.
        body: the bytes.
        event: the event; None when it breaks the contract.
        reason: why it will be refused; None for an event.
        repeat: whether the same event was sent before.
    """

    project_id: str
    body: bytes
    event: Event | None = None
    reason: Reason | None = None
    repeat: bool = False


def with_faults(events: Iterable[Event], faults: Faults, seed: int, end_ms: int) -> Iterator[Line]:
    """The lines of good events, with faults mixed in; the same arguments give the same lines.

    Args:
        events: good events.
        faults: how much goes wrong.
        seed: where chance begins.
        end_ms: about when the lines are sent: what is too old or in the future is so by far.
    """
    rng = Random(seed)  # noqa: S311  made-up traffic, not a secret
    waiting: list[tuple[int, int, Line]] = []  # (due place, number, line): the number keeps the order of equals
    for place, event in enumerate(events):
        while waiting and waiting[0][0] <= place:
            yield heapq.heappop(waiting)[2]
        project, body, due = event["project_id"], _encode(event), place
        if happens(rng, faults.late):
            due += rng.randint(1, faults.distance)
            heapq.heappush(waiting, (due, 2 * place, Line(project, body, event)))
        else:
            yield Line(project, body, event)
        if happens(rng, faults.repeated):
            heapq.heappush(
                waiting, (due + rng.randint(1, faults.distance), 2 * place + 1, Line(project, body, event, repeat=True))
            )
        if happens(rng, faults.bad):
            yield bad_line(rng, event, rng.choice(BAD_LINES), end_ms)
    while waiting:
        yield heapq.heappop(waiting)[2]


def bad_line(rng: Random, event: Event, reason: Reason, end_ms: int) -> Line:
    """A line that is refused for that reason, made of an event that would be good; `reason` is one of `BAD_LINES`."""
    return Line(event["project_id"], _SPOILED[reason](rng, event | {"event_id": _fresh_id(rng)}, end_ms), reason=reason)


def whole_record(event: Event, reason: Reason, limits: Limits, max_events: int) -> Line:
    """A record that is refused as a whole: too large, or of too many events.

    Args:
        event: a good event, which such a record takes with it.
        reason: `TOO_LARGE` or `TOO_MANY_EVENTS`.
        limits: what is allowed.
        max_events: how many events a record may hold.
    """
    if reason is Reason.TOO_LARGE:
        body = _encode(event | {"note": "x" * limits.max_record_bytes})
    else:
        body = b"\n".join([_encode({"event_id": event["event_id"]})] * (max_events + 1))
    return Line(event["project_id"], body, reason=reason)


def _fresh_id(rng: Random) -> str:
    bits = f"{rng.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-b{bits[17:20]}-{bits[20:]}"


def _not_json(rng: Random, event: Event, _end_ms: int) -> bytes:
    body = _encode(event)
    return body[: rng.randrange(1, len(body))]


def _not_utf8(_rng: Random, event: Event, _end_ms: int) -> bytes:
    return _encode(event)[:-1] + b',"note":"caf\xe9"}'


def _missing_field(rng: Random, event: Event, _end_ms: int) -> bytes:
    gone = rng.choice(("event_id", "project_id", "timestamp", "status", "latency_ms"))
    return _encode({name: value for name, value in event.items() if name != gone})


def _bad_value(rng: Random, event: Event, _end_ms: int) -> bytes:
    wrong: tuple[Event, ...] = (
        {"latency_ms": "fast"},
        {"latency_ms": -1},
        {"status": "ok"},
        {"input_tokens": True},
        {"cost_usd": "free"},
        {"event_id": "call-17"},
        {"input_tokens": 10, "cached_tokens": 11},
        {"complexity": 1.5},
        {"error_message": "x" * 501},
    )
    return _encode(event | rng.choice(wrong))


def _bad_timestamp(rng: Random, event: Event, _end_ms: int) -> bytes:
    wrong = ("yesterday", event["timestamp"][:19], "2026-02-30T10:00:00Z", "1773482400", 1_773_482_400)
    return _encode(event | {"timestamp": rng.choice(wrong)})


def _too_old(rng: Random, event: Event, end_ms: int) -> bytes:
    return _encode(event | {"timestamp": rfc3339(end_ms - rng.randint(500, 900) * _DAY_MS)})


def _in_future(rng: Random, event: Event, end_ms: int) -> bytes:
    return _encode(event | {"timestamp": rfc3339(end_ms + rng.randint(2, 300) * _DAY_MS)})


_SPOILED: dict[Reason, Callable[[Random, Event, int], bytes]] = {
    Reason.NOT_JSON: _not_json,
    Reason.NOT_UTF8: _not_utf8,
    Reason.MISSING_FIELD: _missing_field,
    Reason.BAD_VALUE: _bad_value,
    Reason.BAD_TIMESTAMP: _bad_timestamp,
    Reason.TOO_OLD: _too_old,
    Reason.IN_FUTURE: _in_future,
}
BAD_LINES = tuple(_SPOILED)
"""The reasons for which one line is refused; `whole_record` has the others."""
