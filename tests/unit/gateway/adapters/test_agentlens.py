"""AgentLens' events, row by row of the contract's table."""

from __future__ import annotations

import pytest

from tests.builders import AT_MS, rfc3339
from tests.unit.gateway.adapters.mapping import fields_of, mapped, only_event, refusals
from tokentide.errors import QueryError
from tokentide.gateway.adapters.agentlens import read
from tokentide.gateway.adapters.words import event_id

CALL_ID = "550e8400-e29b-41d4-a716-446655440020"


def response(event=None, usage=None, **payload):
    call = {
        "callId": CALL_ID,
        "provider": "anthropic",
        "model": "claude",
        "completion": "my secret",
        "finishReason": "stop",
        "usage": {"inputTokens": 100, "outputTokens": 20, "totalTokens": 120} | (usage or {}),
        "costUsd": 0.5,
        "latencyMs": 1500,
    }
    outer = {"sessionId": "s", "agentId": "a", "eventType": "llm_response", "timestamp": rfc3339(AT_MS)}
    return outer | {"payload": call | payload} | (event or {})


def test_every_field():
    """All that the table names, and nothing of what was said."""
    usage = {"cacheReadTokens": 10, "cacheWriteTokens": 5, "thinkingTokens": 7}
    assert only_event(read, {"events": [response(usage=usage)]}) == {
        "event_id": CALL_ID,
        "timestamp": rfc3339(AT_MS - 1500),
        "latency_ms": 1500,
        "provider": "anthropic",
        "model": "claude",
        "status": "success",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 10,
        "cache_write_tokens": 5,
        "reasoning_tokens": 7,
        "cost_usd": 0.5,
        "finish_reason": "stop",
        "agent_id": "a",
        "session_id": "s",
    }


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ({}, {"finishReason": "error"}, {"status": "error"}),
        ({}, {"finishReason": "cancelled"}, {"status": "cancelled"}),
        ({}, {"callId": "call-1"}, {"event_id": event_id("call-1")}),
        ({"id": "01HXYZ"}, {}, {"event_id": event_id("01HXYZ")}),
        ({"timestamp": None}, {}, {"timestamp": rfc3339(AT_MS - 1500)}),
        ({"timestamp": "2026-04-20T12:01:33+02:00"}, {}, {"timestamp": rfc3339(AT_MS - 1500)}),
        ({}, {"usage": None}, {"model": "claude"}),
    ],
)
def test_variants(event, payload, expected):
    """Forms that clients send besides."""
    fields = only_event(read, {"events": [response(event, **payload)]})
    assert {name: fields.get(name) for name in expected} == expected


def test_cached_tokens_are_counted_among_the_input():
    """A producer that counts them apart is understood."""
    assert only_event(read, {"events": [response(usage={"cacheReadTokens": 900})]})["input_tokens"] == 1000


def test_other_events_are_taken_and_make_none():
    """The call before its response, and whatever else an agent does."""
    other = response({"eventType": "llm_call"})
    found = mapped(read, {"events": [other, response(), other]})
    assert [place for place, _ in found.events] == [1]
    assert len(found.items) == 3
    assert found.refused == []


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        (5, "must be an object"),
        ({}, "sessionId: is required"),
        (response({"agentId": ""}), "agentId: is required"),
        (response({"eventType": None}), "eventType: is required"),
        (response({"payload": "x"}), "payload: is required"),
        (response(callId=None), "payload.callId: is required"),
        (response(latencyMs=None), "payload.latencyMs: must be a number of milliseconds, 0 or more"),
        (response(latencyMs=True), "payload.latencyMs: must be a number of milliseconds, 0 or more"),
        (response({"timestamp": "soon"}), "timestamp: must be RFC 3339 with an offset"),
    ],
)
def test_refusals(event, detail):
    """Each names its place and what is missing."""
    assert refusals(read, {"events": [response(), event]}) == [(1, detail)]


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": {}}, [], 5, b"nonsense", b"[" * 600])
def test_what_is_no_batch(body):
    """The whole payload is refused."""
    with pytest.raises(QueryError):
        fields_of(read, body)
