"""AgentLens' events: of what its clients send, a response of a model makes an event."""

from __future__ import annotations

from typing import Any

from tokentide.errors import QueryError
from tokentide.events import Reason
from tokentide.gateway.adapters.payload import Fields, Item, Mapped, Payload, parsed
from tokentide.gateway.adapters.words import an_object, event_id, five_way, moment_text, read_ms, text, with_cached

__all__ = ["read"]

_LONGEST_LATENCY_MS = 1e9


def read(payload: Payload) -> Mapped:
    """Events of `{"events": […]}`; those of other types are taken and make none.

    Raises:
        QueryError: there is no such list, or nothing in it.
    """
    sent = an_object(parsed(payload.body)).get("events")
    if not isinstance(sent, list) or not sent:
        raise QueryError("events must be an array with at least one event", "events")
    found = Mapped()
    for place, event in enumerate(sent):
        found.items.append(Item(_name(event, place), place))
        problem = _problem(event)
        if problem:
            found.refuse(place, problem, Reason.MISSING_FIELD)
        elif event["eventType"] == "llm_response":
            _take(found, place, event, payload.now_ms)
    return found


def _take(found: Mapped, place: int, event: Any, now_ms: int) -> None:
    call = event["payload"]
    ended_ms = now_ms if event.get("timestamp") is None else read_ms(event["timestamp"])
    latency = call.get("latencyMs")
    if ended_ms is None:
        found.refuse(place, "timestamp: must be RFC 3339 with an offset", Reason.BAD_TIMESTAMP)
    elif isinstance(latency, bool) or not isinstance(latency, int | float) or not 0 <= latency <= _LONGEST_LATENCY_MS:
        found.refuse(place, "payload.latencyMs: must be a number of milliseconds, 0 or more")
    else:
        found.take(place, _fields(event, call, ended_ms, latency))


def _fields(event: Any, call: Any, ended_ms: int, latency_ms: float) -> Fields:
    usage = an_object(call.get("usage"))
    finish = text(call.get("finishReason"))
    return {
        "event_id": event_id(event.get("id") or call["callId"]),
        "timestamp": moment_text(ended_ms - round(latency_ms)),
        "latency_ms": latency_ms,
        "provider": call.get("provider"),
        "model": call.get("model"),
        "status": five_way(finish=finish, failed=finish == "error"),
        "input_tokens": with_cached(usage.get("inputTokens"), usage.get("cacheReadTokens")),
        "output_tokens": usage.get("outputTokens"),
        "cached_tokens": usage.get("cacheReadTokens"),
        "cache_write_tokens": usage.get("cacheWriteTokens"),
        "reasoning_tokens": usage.get("thinkingTokens"),
        "cost_usd": call.get("costUsd"),
        "finish_reason": finish,
        "agent_id": event["agentId"],
        "session_id": event["sessionId"],
    }


def _problem(event: Any) -> str | None:
    """What every event must have, and this one has not."""
    if not isinstance(event, dict):
        return "must be an object"
    for name in ("sessionId", "agentId", "eventType"):
        if not text(event.get(name)):
            return f"{name}: is required"
    if not isinstance(event.get("payload"), dict):
        return "payload: is required"
    if event["eventType"] == "llm_response" and not (text(event.get("id")) or text(event["payload"].get("callId"))):
        return "payload.callId: is required"
    return None


def _name(event: Any, place: int) -> str:
    """What the answer calls the event: it has an id of its own only when its producer gave it one."""
    payload = an_object(an_object(event).get("payload"))
    given = text(an_object(event).get("id"))
    return given or event_id(str(payload.get("callId")), str(an_object(event).get("eventType")), str(place))
