"""LiteLLM's `generic_api` callback: StandardLoggingPayload, as an array, as NDJSON, or one."""

from __future__ import annotations

from typing import Any

from tokentide.events import Reason
from tokentide.gateway.adapters.payload import Fields, Mapped, Payload, objects_of
from tokentide.gateway.adapters.words import (
    UNKNOWN,
    an_object,
    event_id,
    five_way,
    message,
    moment_text,
    operation,
    text,
    whole,
    with_cached,
)

__all__ = ["read"]

_LAST_SECOND = 4_291_747_200.0  # the year 2106, where the contract's times end


def read(payload: Payload) -> Mapped:
    """Each logged call as an event.

    Raises:
        QueryError: the body is neither JSON nor NDJSON.
    """
    found = Mapped()
    for place, call in enumerate(objects_of(payload.body)):
        if not isinstance(call, dict):
            found.refuse(place, "not a JSON object", Reason.NOT_JSON)
        elif not text(call.get("id")):
            found.refuse(place, "id: is required", Reason.MISSING_FIELD)
        elif (untimely := _untimely(call)) is not None:
            found.refuse(place, f"{untimely}: must be seconds since the epoch", Reason.BAD_TIMESTAMP)
        else:
            found.take(place, _fields(call))
    return found


def _fields(call: Any) -> Fields:
    metadata, error = an_object(call.get("metadata")), an_object(call.get("error_information"))
    usage = an_object(metadata.get("usage_object"))
    cached = whole(an_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
    fields: Fields = {
        "event_id": event_id(call["id"]),
        "timestamp": moment_text(int(call["startTime"] * 1000)),
        "latency_ms": _apart_ms(call, "endTime"),
        "stream": call.get("stream"),
        "ttft_ms": _apart_ms(call, "completionStartTime") if call.get("stream") is True else None,
        "provider": text(call.get("custom_llm_provider")) or UNKNOWN,
        "model": call.get("model"),
        "requested_model": text(call.get("model_group")),
        "operation": operation(call.get("call_type")),
        **_outcome(call, error),
        "input_tokens": with_cached(whole(call.get("prompt_tokens")), cached),
        "output_tokens": whole(call.get("completion_tokens")),
        "cached_tokens": cached,
        "cache_write_tokens": whole(usage.get("cache_creation_input_tokens")),
        "reasoning_tokens": whole(an_object(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        "cost_usd": call.get("response_cost"),
        "trace_id": text(call.get("trace_id")),
        "session_id": text(call.get("session_id")) or _session(metadata),
        "user_id": text(call.get("end_user")) or text(metadata.get("user_api_key_end_user_id")),
        "teams": [team] if (team := text(metadata.get("user_api_key_team_alias"))) else None,
        "cache_lookup_status": "hit" if call.get("cache_hit") is True else None,
        "potential_cost_savings": call.get("saved_cache_cost") if call.get("cache_hit") is True else None,
    }
    return fields | _tool(an_object(metadata.get("mcp_tool_call_metadata")))


def _outcome(call: Any, error: Any) -> Fields:
    given, error_class = error.get("error_code"), text(error.get("error_class"))
    http_status = whole(given)
    known = http_status if isinstance(http_status, int) and 100 <= http_status <= 999 else None  # noqa: PLR2004  HTTP
    failed = call.get("status") != "success"
    if not failed:
        return {"status": "success"}
    return {
        "status": five_way(http_status=known, error_class=error_class, failed=True),
        "error_code": error_class or (str(given) if given not in {None, ""} else None),
        "error_message": message(error.get("error_message")) or message(call.get("error_str")),
        "http_status": known,
    }


def _tool(tool: Any) -> Fields:
    if not (name := text(tool.get("name"))):
        return {}
    server = text(tool.get("mcp_server_name")) or "local"
    return {"kind": "mcp", "tool_name": name, "mcp_server_name": server, "mcp_method": "tools/call"}


def _session(metadata: Any) -> str | None:
    for place in (
        metadata,
        an_object(metadata.get("requester_metadata")),
        an_object(metadata.get("spend_logs_metadata")),
    ):
        if session := text(place.get("session_id")):
            return session
    return None


def _untimely(call: Any) -> str | None:
    """The first of its times that is none."""
    needed = ["startTime", "endTime", *(["completionStartTime"] if call.get("stream") is True else [])]
    for name in needed:
        seconds = call.get(name)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LAST_SECOND:
            return name
    return None


def _apart_ms(call: Any, until: str) -> float:
    """Milliseconds from the start, to the microsecond: beyond that a double of seconds holds only noise."""
    seconds: float = call[until] - call["startTime"]
    return round(seconds * 1000, 3)
