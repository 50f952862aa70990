"""Langfuse's older batch: what was said of one generation, in several entries, is put together and makes one event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokentide.errors import QueryError
from tokentide.events import Reason
from tokentide.gateway.adapters.langfuse_usage import cost_of, usage_of
from tokentide.gateway.adapters.payload import Fields, Item, Mapped, Payload, parsed
from tokentide.gateway.adapters.words import (
    UNKNOWN,
    an_object,
    event_id,
    five_way,
    latency_between,
    message,
    moment_text,
    read_ms,
    text,
)

__all__ = ["read"]

_GENERATIONS = {"generation-create", "generation-update"}
_OBSERVATIONS = {"observation-create", "observation-update"}


@dataclass(slots=True)
class _Generation:
    """What is known of one generation, and the place of the entry that named it first."""

    place: int
    body: dict[str, Any] = field(default_factory=dict)


def read(payload: Payload) -> Mapped:
    """Generations of `{"batch": […]}`; entries of other types are taken and make none.

    Raises:
        QueryError: there is no such list.
    """
    batch = an_object(parsed(payload.body)).get("batch")
    if not isinstance(batch, list):
        raise QueryError("batch must be an array", "batch")
    found = Mapped()
    generations = _put_together(batch, found)
    traces = _traces(batch)
    for identity, generation in generations.items():
        trace = traces.get(str(generation.body.get("traceId")), {})
        problem = _problem(generation.body)
        if problem:
            found.refuse(generation.place, problem, Reason.MISSING_FIELD)
        else:
            found.take(generation.place, _fields(identity, generation.body, trace))
    return found


def _put_together(batch: Iterable[Any], found: Mapped) -> dict[str, _Generation]:
    generations: dict[str, _Generation] = {}
    for place, entry in enumerate(batch):
        envelope, fate = an_object(entry), place
        body = envelope.get("body")
        if not text(envelope.get("type")) or not isinstance(body, dict):
            found.refuse(place, "an entry has an id, a type and a body", Reason.MISSING_FIELD)
        elif _is_of_generation(envelope):
            if identity := text(body.get("id")):
                generation = generations.setdefault(identity, _Generation(place))
                generation.body |= {name: value for name, value in body.items() if value is not None}
                fate = generation.place
            else:
                found.refuse(place, "body.id: is required", Reason.MISSING_FIELD)
        found.items.append(Item(str(envelope.get("id", "")), fate))
    return generations


def _is_of_generation(entry: Mapping[str, Any]) -> bool:
    observed = entry["type"] in _OBSERVATIONS and str(entry["body"].get("type")).upper() == "GENERATION"
    return entry["type"] in _GENERATIONS or observed


def _traces(batch: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """What the batch says of traces, by their ids."""
    traces: dict[str, dict[str, Any]] = {}
    for entry in batch:
        envelope = an_object(entry)
        body = an_object(envelope.get("body"))
        if envelope.get("type") == "trace-create" and (identity := text(body.get("id"))):
            traces.setdefault(identity, {}).update({name: value for name, value in body.items() if value is not None})
    return traces


def _problem(body: Mapping[str, Any]) -> str | None:
    for name in ("startTime", "endTime"):
        if read_ms(body.get(name)) is None:
            return f"body.{name}: is required, as RFC 3339 with an offset"
    if (latency_between(body["startTime"], body["endTime"]) or 0) < 0:
        return "body.endTime: lies before startTime"
    return None


def _fields(identity: str, body: Mapping[str, Any], trace: Mapping[str, Any]) -> Fields:
    first_token_ms = latency_between(body["startTime"], body.get("completionStartTime"))
    failed = body.get("level") == "ERROR"
    return {
        "event_id": event_id(identity),
        "timestamp": moment_text(read_ms(body["startTime"]) or 0),
        "latency_ms": latency_between(body["startTime"], body["endTime"]),
        "stream": None if first_token_ms is None else True,
        "ttft_ms": first_token_ms,
        "provider": UNKNOWN,
        "model": body.get("model"),
        "status": five_way(failed=failed),
        "error_message": message(body.get("statusMessage")) if failed else None,
        **usage_of(body.get("usageDetails") or body.get("usage")),
        "cost_usd": cost_of(body.get("costDetails") or body.get("usage")),
        "session_id": text(trace.get("sessionId")),
        "user_id": text(trace.get("userId")),
        "trace_id": text(body.get("traceId")),
        "span_id": identity,
        "parent_span_id": text(body.get("parentObservationId")),
        "environment": text(body.get("environment")),
    }
