"""Small factories: events as JSON documents, their bytes, and records of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from tests.fakes import FakeRecord
from tokentide.events import Decoded, DecodedEvent, Limits, Stretch, decode, read_stretch

__all__ = [
    "AT_MS",
    "HOUR_MS",
    "an_event",
    "decoded",
    "line",
    "lines",
    "numbered_id",
    "record",
    "rfc3339",
    "the_event",
    "whole",
]

HOUR_MS = 3_600_000
AT_MS = 1_776_679_293_000
"""2026-04-20T10:01:33.000Z: when made-up events begin and records arrive, unless said otherwise."""


def an_event(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A valid event; `number` makes its id, `at_ms` its timestamp, and a field given as None is left out."""
    event = {
        "event_id": str(numbered_id(number)),
        "project_id": "p",
        "timestamp": rfc3339(fields.pop("at_ms", AT_MS)),
        "provider": "openai",
        "model": "gpt-4o",
        "status": "success",
        "latency_ms": 120.5,
    }
    return {name: value for name, value in (event | fields).items() if value is not None}


def numbered_id(number: int) -> UUID:
    """The event id of a number."""
    return UUID(int=0x550E8400_E29B_41D4_A716_000000000000 + number)


def rfc3339(ms: int) -> str:
    """A moment as producers commonly write it."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(event: dict[str, Any]) -> bytes:
    """One event as compact JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def lines(events: Iterable[dict[str, Any]]) -> bytes:
    """Events as NDJSON."""
    return b"\n".join(line(event) for event in events)


def decoded(value: bytes | None, at_ms: int = AT_MS, limits: Limits | None = None) -> Decoded:
    """What the bytes of one record hold."""
    return decode(value, at_ms, limits or Limits())


def the_event(**fields: Any) -> DecodedEvent:
    """The decoded form of one valid event."""
    (event,) = decoded(line(an_event(**fields)), fields.get("at_ms", AT_MS)).events
    return event


def whole(event: DecodedEvent) -> SimpleNamespace:
    """All fields of an event, comparable: decoders differ in which of them are the class's."""
    return SimpleNamespace(**{name: getattr(event, name) for name in DecodedEvent.__struct_fields__})


def record(offset: int, *events: dict[str, Any] | bytes, time_ms: int = AT_MS) -> Stretch:
    """A record that holds the events (JSON documents, or raw lines) as NDJSON, as the fold takes it in."""
    value = b"\n".join(event if isinstance(event, bytes) else line(event) for event in events)
    return read_stretch([FakeRecord(offset, time_ms, value)], Limits())
