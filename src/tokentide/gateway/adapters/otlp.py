"""OpenTelemetry's traces: spans that follow its conventions for generative AI, and those of Langfuse's clients."""

from __future__ import annotations

import json
from typing import Any

from tokentide.events import Reason
from tokentide.gateway.adapters.langfuse_usage import cost_of, usage_of
from tokentide.gateway.adapters.otlp_wire import FAILED, PROTOBUF, Span, spans_of_json, spans_of_protobuf
from tokentide.gateway.adapters.payload import Fields, Item, Mapped, Payload
from tokentide.gateway.adapters.words import (
    UNKNOWN,
    event_id,
    five_way,
    message,
    moment_text,
    operation,
    read_ms,
    text,
    whole,
    with_cached,
)

__all__ = ["read"]

_GEN_AI, _LANGFUSE = "gen_ai.", "langfuse.observation."
_KINDS = {"execute_tool": "mcp", "invoke_agent": "agent"}
_NS_PER_MS = 1_000_000
_MS_PER_SECOND = 1000


def read(payload: Payload) -> Mapped:
    """The spans that speak of a call; others are taken and make no event.

    Raises:
        QueryError: the body is no export of traces.
    """
    is_protobuf = payload.content_type == PROTOBUF
    found = Mapped()
    for place, span in enumerate(spans_of_protobuf(payload.body) if is_protobuf else spans_of_json(payload.body)):
        found.items.append(Item("" if span is None else span.span_id, place))
        if span is None:
            found.refuse(
                place, "a span has traceId, spanId, startTimeUnixNano and endTimeUnixNano", Reason.MISSING_FIELD
            )
        elif not _speaks_of_a_call(span):
            continue
        elif span.end_ns < span.start_ns:
            found.refuse(place, f"span {span.span_id} ends before it starts")
        else:
            found.take(place, _fields(span))
    return found


def _speaks_of_a_call(span: Span) -> bool:
    by_langfuse = span.attributes.get(_LANGFUSE + "type") == "generation"
    return by_langfuse or any(name.startswith(_GEN_AI) for name in span.attributes)


def _fields(span: Span) -> Fields:
    said = span.attributes
    word = said.get("gen_ai.operation.name")
    kind = _KINDS.get(word) if isinstance(word, str) else None
    fields: Fields = {
        "event_id": event_id(span.trace_id, span.span_id),
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id or None,
        "timestamp": moment_text(span.start_ns // _NS_PER_MS),
        "latency_ms": (span.end_ns - span.start_ns) / _NS_PER_MS,
        "kind": kind,
        "operation": operation(word),
        "provider": text(said.get("gen_ai.provider.name")) or text(said.get("gen_ai.system")) or UNKNOWN,
        "model": text(said.get("gen_ai.response.model")) or text(said.get("gen_ai.request.model")),
        "requested_model": text(said.get("gen_ai.request.model")),
        "finish_reason": _first_text(said.get("gen_ai.response.finish_reasons")),
        "session_id": text(said.get("gen_ai.conversation.id")) or text(said.get("session.id")),
        "user_id": text(said.get("user.id")) or text(said.get("enduser.id")),
        "agent_id": text(said.get("gen_ai.agent.id")),
        "agent_name": text(said.get("gen_ai.agent.name")),
        "environment": _environment(span),
        "cost_usd": said.get("gen_ai.usage.cost"),
    }
    fields |= _outcome(span) | _timing(said) | _usage(said)
    if kind == "mcp":
        fields |= _tool(said)
    if _LANGFUSE + "type" in said:
        fields |= {name: value for name, value in _of_langfuse(span).items() if value is not None}
    return fields


def _outcome(span: Span) -> Fields:
    said = span.attributes
    error_class = text(said.get("error.type"))
    http_status = _http_status(said.get("http.response.status_code"), error_class)
    failed = span.status_code == FAILED
    finish = _first_text(said.get("gen_ai.response.finish_reasons"))
    return {
        "status": five_way(http_status=http_status, error_class=error_class, finish=finish, failed=failed),
        "error_code": error_class,
        "error_message": message(span.status_message) if failed else None,
        "http_status": http_status,
    }


def _http_status(said: Any, error_class: str | None) -> int | None:
    """The status that the span names, or that its error is called by."""
    for value in (whole(said), whole(error_class)):
        if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 999:  # noqa: PLR2004  HTTP
            return value
    return None


def _timing(said: dict[str, Any]) -> Fields:
    seconds = said.get("gen_ai.response.time_to_first_chunk")
    stream = said.get("gen_ai.request.stream")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return {"stream": stream}
    return {"ttft_ms": seconds * _MS_PER_SECOND, "stream": True if stream is None else stream}


def _usage(said: dict[str, Any]) -> Fields:
    cached = whole(said.get("gen_ai.usage.cache_read.input_tokens"))
    return {
        "input_tokens": with_cached(_either(said, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"), cached),
        "output_tokens": _either(said, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
        "cached_tokens": cached,
        "cache_write_tokens": whole(said.get("gen_ai.usage.cache_creation.input_tokens")),
        "reasoning_tokens": whole(said.get("gen_ai.usage.reasoning.output_tokens")),
    }


def _tool(said: dict[str, Any]) -> Fields:
    return {
        "tool_name": text(said.get("gen_ai.tool.name")),
        "mcp_server_name": text(said.get("mcp.server.name")) or text(said.get("server.address")) or "local",
        "mcp_method": text(said.get("mcp.method.name")) or "tools/call",
    }


def _of_langfuse(span: Span) -> Fields:
    """What Langfuse's clients say by attributes of their own, some of which hold JSON."""
    said = {
        name.removeprefix(_LANGFUSE): value for name, value in span.attributes.items() if name.startswith(_LANGFUSE)
    }
    first_ms = read_ms(_plain(said.get("completion_start_time")))
    failed = said.get("level") == "ERROR"
    return {
        "model": text(said.get("model.name")),
        **usage_of(_plain(said.get("usage_details"))),
        "cost_usd": cost_of(_plain(said.get("cost_details"))),
        "ttft_ms": None if first_ms is None else max(0.0, first_ms - span.start_ns / _NS_PER_MS),
        "stream": None if first_ms is None else True,
        "status": "error" if failed and span.status_code != FAILED else None,
        "error_message": message(said.get("status_message")) if failed else None,
    }


def _plain(value: Any) -> Any:
    """The value of a JSON text; the text itself when it is none."""
    try:
        return json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return value


def _environment(span: Span) -> str | None:
    for place in (span.attributes, span.resource):
        for name in ("langfuse.environment", "deployment.environment.name", "deployment.environment"):
            if found := text(place.get(name)):
                return found
    return None


def _first_text(value: Any) -> str | None:
    return text(value[0]) if isinstance(value, list) and value else text(value)


def _either(said: dict[str, Any], name: str, older: str) -> Any:
    return whole(said.get(name, said.get(older)))
