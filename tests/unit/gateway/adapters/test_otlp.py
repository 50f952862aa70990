"""OpenTelemetry's spans, row by row of the contract's table, the same out of protobuf and out of JSON."""

from __future__ import annotations

import json

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from tests.builders import AT_MS, rfc3339
from tests.unit.gateway.adapters.mapping import mapped, only_event
from tokentide.errors import QueryError
from tokentide.gateway.adapters.otlp import read
from tokentide.gateway.adapters.otlp_wire import PROTOBUF
from tokentide.gateway.adapters.words import event_id

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
START_NS = AT_MS * 1_000_000
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


def any_value(value):
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))
    return AnyValue(string_value=value)


def pairs(attributes):
    return [KeyValue(key=name, value=any_value(value)) for name, value in attributes.items()]


def request(*spans, resource=None):
    """An export; a span is its attributes and, where they differ, its other fields."""
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    of_resource.resource.attributes.extend(pairs(resource or {}))
    of_scope = of_resource.scope_spans.add()
    for attributes, fields in spans:
        span = of_scope.spans.add(
            trace_id=bytes.fromhex(TRACE),
            span_id=bytes.fromhex(SPAN),
            start_time_unix_nano=START_NS,
            end_time_unix_nano=START_NS + 1_500_250_000,
            attributes=pairs(attributes),
        )
        for name, value in fields.items():
            if name == "error":
                span.status.code, span.status.message = 2, value
            else:
                setattr(span, name, value)
    return made


def in_json(made, *, base64=False):
    """OTLP's JSON: like protobuf's own, but ids are hexadecimal."""
    document = MessageToDict(made)
    for of_resource in document.get("resourceSpans", []):
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                if not base64:
                    span["traceId"], span["spanId"] = TRACE.upper(), SPAN
                if isinstance(span.get("status", {}).get("code"), str):
                    span["status"]["code"] = 2
    return json.dumps(document).encode()


def event_of(attributes, **fields):
    """The one event, which both encodings agree on."""
    resource = fields.pop("resource", None)
    made = request((attributes, fields), resource=resource)
    found = only_event(read, made.SerializeToString(), content_type=PROTOBUF)
    assert only_event(read, in_json(made)) == found
    assert only_event(read, in_json(made, base64=True)) == found
    return found


def test_every_field():
    """All that the table names; durations are seconds there."""
    attributes = CHAT | {
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.cache_creation.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "talk",
        "gen_ai.agent.id": "a1",
        "gen_ai.agent.name": "helper",
        "gen_ai.response.finish_reasons": ["length", "stop"],
        "gen_ai.input.messages": "my secret",
        "user.id": "ann",
    }
    resource = {"deployment.environment.name": "lab"}
    assert event_of(attributes, parent_span_id=bytes.fromhex("00f067aa0ba902b7"), resource=resource) == {
        "event_id": event_id(TRACE, SPAN),
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": "00f067aa0ba902b7",
        "timestamp": rfc3339(AT_MS),
        "latency_ms": 1500.25,
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o-2024",
        "requested_model": "gpt-4o",
        "finish_reason": "length",
        "session_id": "talk",
        "user_id": "ann",
        "agent_id": "a1",
        "agent_name": "helper",
        "environment": "lab",
        "status": "success",
        "ttft_ms": 250.0,
        "stream": True,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 10,
        "cache_write_tokens": 5,
        "reasoning_tokens": 7,
    }


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gen_ai.system": "anthropic", "gen_ai.provider.name": ""}, {"provider": "anthropic"}),
        ({"gen_ai.provider.name": ""}, {"provider": "unknown"}),
        (
            {"gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 7},
            {"input_tokens": 5, "output_tokens": 7},
        ),
        ({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 9}, {"input_tokens": 14}),
        ({"gen_ai.usage.cost": 0.5}, {"cost_usd": 0.5}),
        ({"gen_ai.operation.name": "embeddings"}, {"operation": "embed", "kind": None}),
        ({"gen_ai.operation.name": "generate_content"}, {"operation": "chat"}),
        ({"gen_ai.operation.name": "create_agent"}, {"operation": "custom", "kind": None}),
        ({"gen_ai.operation.name": "invoke_agent"}, {"operation": "agent", "kind": "agent"}),
        (
            {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"},
            {
                "kind": "mcp",
                "operation": "tool",
                "tool_name": "search",
                "mcp_server_name": "local",
                "mcp_method": "tools/call",
            },
        ),
        ({"gen_ai.response.time_to_first_chunk": 0.5}, {"ttft_ms": 500.0, "stream": True}),
        ({"gen_ai.response.finish_reasons": ["cancelled"]}, {"status": "cancelled"}),
        ({"session.id": "talk"}, {"session_id": "talk"}),
        ({"langfuse.environment": "lab"}, {"environment": "lab"}),
    ],
)
def test_variants(attributes, expected):
    """Older names, and what other operations are."""
    fields = event_of(CHAT | attributes)
    assert {name: fields.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("attributes", "said", "status", "http_status"),
    [
        ({}, "boom", "error", None),
        ({"error.type": "429"}, "", "rate_limited", 429),
        ({"error.type": "openai.APITimeoutError"}, "", "timeout", None),
        ({"error.type": "_OTHER", "http.response.status_code": 504}, "", "timeout", 504),
        ({"error.type": "499"}, "", "cancelled", 499),
        ({"error.type": "500"}, "", "error", 500),
    ],
)
def test_failures(attributes, said, status, http_status):
    """The span's status and what its error is called."""
    fields = event_of(CHAT | attributes, error=said)
    assert (fields["status"], fields.get("http_status")) == (status, http_status)
    assert fields.get("error_code") == attributes.get("error.type")
    assert fields.get("error_message") == (said or None)


def test_a_generation_of_langfuse():
    """Its clients from version 3 say it by attributes of their own, some of which hold JSON."""
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "gpt-4o",
        "langfuse.observation.usage_details": '{"input": 90, "input_cached_tokens": 10, "output": 20}',
        "langfuse.observation.cost_details": '{"total": 0.5}',
        "langfuse.observation.completion_start_time": json.dumps(rfc3339(AT_MS + 250)),
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "boom",
        "session.id": "talk",
    }
    fields = event_of(attributes)
    expected = {
        "provider": "unknown",
        "model": "gpt-4o",
        "input_tokens": 100,
        "cached_tokens": 10,
        "output_tokens": 20,
        "cost_usd": 0.5,
        "ttft_ms": 250.0,
        "stream": True,
        "status": "error",
        "error_message": "boom",
        "session_id": "talk",
    }
    assert {name: fields.get(name) for name in expected} == expected


def test_broken_json_in_an_attribute_says_nothing():
    """A generation whose usage cannot be read is still a call."""
    said = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": "{" * 5000}
    assert "input_tokens" not in event_of(said | {"gen_ai.request.model": "m"})


def test_other_spans_are_taken_and_make_no_event():
    """A span that speaks of no call, and Langfuse's of other types."""
    others = [({"http.method": "GET"}, {}), ({"langfuse.observation.type": "span"}, {}), ({}, {})]
    made = request(*others, (CHAT, {}))
    found = mapped(read, made.SerializeToString(), content_type=PROTOBUF)
    assert ([place for place, _ in found.events], found.refused) == ([3], [])


def test_a_span_that_ends_before_it_starts_is_rejected():
    """It has no duration; the others of the export count."""
    made = request((CHAT, {}), (CHAT, {"end_time_unix_nano": START_NS - 1}))
    found = mapped(read, made.SerializeToString(), content_type=PROTOBUF)
    assert [(unfit.place, unfit.detail) for unfit in found.refused] == [(1, f"span {SPAN} ends before it starts")]
    assert len(found.events) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xff\xff", PROTOBUF),
        (b"nonsense", "application/json"),
        (b"[]", "application/json"),
        (b'{"resourceSpans": 5}', "application/json"),
        (b'{"resourceSpans": [{"scopeSpans": {}}]}', "application/json"),
    ],
)
def test_what_is_no_export(body, kind):
    """The whole payload is refused."""
    with pytest.raises(QueryError):
        mapped(read, body, content_type=kind)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resourceSpans": []}'])
def test_an_empty_export_is_one(body):
    """Nothing was to be said."""
    assert mapped(read, body, content_type=PROTOBUF if not body else "").events == []


@pytest.mark.parametrize(
    "span", [5, {}, {"traceId": "x"}, {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "now"}]
)
def test_what_is_no_span_is_rejected(span):
    """In JSON anything may stand in the place of a span."""
    found = mapped(read, {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert [unfit.place for unfit in found.refused] == [0]
