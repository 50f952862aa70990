"""Whatever is sent: adapters and the judge answer, and what they accept the worker accepts with the same meaning."""

from __future__ import annotations

import copy
import json
from contextlib import suppress

import msgspec
import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.builders import AT_MS, rfc3339, whole
from tests.strategies import damaged, documents, mutated_documents, render
from tokentide.errors import QueryError
from tokentide.events import Limits, decode
from tokentide.gateway.adapters.otlp_wire import PROTOBUF
from tokentide.gateway.adapters.payload import Payload
from tokentide.gateway.doors import DOORS
from tokentide.gateway.judging import Origin, Rules, judge_body, judge_fields
from tokentide.shards import record_key

RULES = Rules(Limits(), {"p": 3})
WHOLE = Rules(Limits(), {})
ORIGIN = Origin("p", "o")
READS = {door.name: door.adapter for door in DOORS if door.adapter}

SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "startTimeUnixNano": str(AT_MS * 1_000_000),
    "endTimeUnixNano": str(AT_MS * 1_000_000 + 5),
    "status": {"code": 2, "message": "x"},
    "attributes": [
        {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "5"}},
        {"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": {"values": [{"stringValue": "stop"}]}}},
        {"key": "gen_ai.response.time_to_first_chunk", "value": {"doubleValue": 0.5}},
        {"key": "langfuse.observation.type", "value": {"stringValue": "generation"}},
        {"key": "langfuse.observation.usage_details", "value": {"stringValue": '{"input": 5}'}},
    ],
}
GENERATION = {
    "id": "g",
    "traceId": "t",
    "startTime": rfc3339(AT_MS),
    "endTime": rfc3339(AT_MS + 5),
    "completionStartTime": rfc3339(AT_MS + 1),
    "model": "m",
    "usageDetails": {"input": 5, "input_cached_tokens": 1},
    "costDetails": {"input": 0.5},
    "level": "ERROR",
    "statusMessage": "x",
}
SAMPLES = {
    "otlp": {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [SPAN]}]}]},
    "langfuse": {
        "batch": [
            {"id": "e", "type": "generation-create", "body": GENERATION},
            {"id": "f", "type": "trace-create", "body": {"id": "t", "sessionId": "s"}},
        ]
    },
    "agentlens": {
        "events": [
            {
                "sessionId": "s",
                "agentId": "a",
                "eventType": "llm_response",
                "timestamp": rfc3339(AT_MS),
                "payload": {
                    "callId": "c",
                    "provider": "p",
                    "model": "m",
                    "finishReason": "stop",
                    "usage": {"inputTokens": 5, "outputTokens": 6, "cacheReadTokens": 1},
                    "costUsd": 0.5,
                    "latencyMs": 5,
                },
            }
        ]
    },
    "litellm": [
        {
            "id": "c",
            "call_type": "chat",
            "stream": True,
            "status": "failure",
            "response_cost": 0.5,
            "custom_llm_provider": "p",
            "prompt_tokens": 5,
            "completion_tokens": 6,
            "startTime": AT_MS / 1000,
            "endTime": AT_MS / 1000 + 1,
            "completionStartTime": AT_MS / 1000 + 0.5,
            "model": "m",
            "error_information": {"error_code": "429", "error_class": "X", "error_message": "x"},
            "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 1}}},
        }
    ],
    "helicone": [
        {
            "request_id": "r",
            "request_created_at": "2026-04-20 10:01:33.000",
            "latency": 5,
            "time_to_first_token": 1,
            "provider": "p",
            "model": "m",
            "status": 200,
            "prompt_tokens": 5,
            "completion_tokens": 6,
            "prompt_cache_read_tokens": 1,
            "cost": 5,
            "properties": {"Helicone-Session-Id": "s"},
        }
    ],
}

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "0", "-1", "9" * 30, "2026-04-20T10:01:33Z", "9999-12-31T23:59:59-23:59", rfc3339(AT_MS), 1e308, 2**70]
    ),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
anything = st.recursive(
    odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield from places(inner, (*path, name))


@st.composite
def spoilt(draw, sample):
    """A real payload with odd values in some places, or without what stood there."""
    value = [copy.deepcopy(sample)]
    for _ in range(draw(st.integers(0, 3))):
        *way, last = draw(st.sampled_from([(0, *path) for path in places(value[0])]))
        inside = value
        for step in way:
            inside = inside[step]
        if isinstance(inside, dict) and draw(st.booleans()):
            del inside[last]
        else:
            inside[last] = draw(odd)
    return value[0]


def accepted(read, body, kind="application/json"):
    """Read, judge, and read again as the worker does."""
    try:
        found = read(Payload(body, kind, AT_MS))
    except QueryError:
        return []
    judged = judge_fields(found.events, ORIGIN, AT_MS, RULES)
    assert len(judged.places) + len(judged.refused) == len(found.events)
    return as_the_worker_reads(judged)


def as_the_worker_reads(judged):
    """The accepted events in the order of their places; the worker refuses none of them."""
    events = {}
    for record in judged.records:
        decoded = decode(record.value, AT_MS, Limits())
        assert decoded.refusals == ()
        assert len(decoded.events) == record.events
        for event in decoded.events:
            assert (event.project_id, event.org_id) == ORIGIN
            assert record.key in {b"p", record_key("p", event.event_id, RULES.shards)}
            events.setdefault(event.event_id, []).append(event)
    found = [event for same in events.values() for event in same]
    assert len(found) == len(judged.places)
    return found


@pytest.mark.parametrize("name", READS)
def test_the_samples_are_accepted(name):
    """What is spoilt below is good before."""
    (event,) = accepted(READS[name], json.dumps(SAMPLES[name]).encode())
    assert event.input_tokens >= 5


@pytest.mark.parametrize("name", READS)
@settings(max_examples=60)
@given(data=st.data())
def test_spoilt_payloads(name, data):
    """A real payload with anything in any of its places is mapped or refused, and never breaks an adapter."""
    value = data.draw(spoilt(SAMPLES[name]))
    accepted(READS[name], json.dumps(value).encode())


@pytest.mark.parametrize("name", READS)
@settings(max_examples=30)
@given(value=anything)
def test_any_json(name, value):
    """Any JSON value."""
    accepted(READS[name], json.dumps(value).encode())


@pytest.mark.parametrize("name", READS)
@settings(max_examples=30)
@given(body=st.binary(max_size=300))
def test_any_bytes(name, body):
    """Any bytes, as JSON and as protobuf."""
    accepted(READS[name], body)
    accepted(READS["otlp"], body, PROTOBUF)


@settings(max_examples=100)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), end=st.integers(0, 10_000))
def test_protobuf_with_a_flipped_bit(at, bit, end):
    """An export that was damaged or cut on its way."""
    document = copy.deepcopy(SAMPLES["otlp"])
    made = ParseDict(document, ExportTraceServiceRequest()).SerializeToString()
    spoiled = bytearray(made)
    spoiled[at % len(made)] ^= 1 << bit
    accepted(READS["otlp"], bytes(spoiled), PROTOBUF)
    accepted(READS["otlp"], made[: end % len(made)], PROTOBUF)


def _meaning(event):
    """What an event says, whichever way its texts were written."""
    own_texts = {"timestamp", "cost_usd", "cost_ceiling_usd", "potential_cost_savings", "log_offset"}
    return {name: value for name, value in vars(whole(event)).items() if name not in own_texts}


OWNED = [("project_id", '"p"'), ("org_id", '"o"')]  # the last of a name counts


@settings(max_examples=60)
@given(
    data=st.data(),
    documents_of_body=st.lists(documents() | mutated_documents(), min_size=1, max_size=4),
    rules=st.sampled_from([RULES, WHOLE]),
)
def test_the_judge_and_the_worker_agree(data, documents_of_body, rules):
    """Of a body of events, good and bad, exactly those are accepted that the worker would accept, with equal values."""
    texts = [data.draw(render(document)) for document in documents_of_body]
    direct = [decode(data.draw(render(document + OWNED)), AT_MS, Limits()) for document in documents_of_body]
    good = {place for place, decoded in enumerate(direct) if not decoded.refusals}
    for body in (b"\n".join(texts), b"[" + b",".join(texts) + b"]"):
        try:
            judged = judge_body(body, ORIGIN, AT_MS, rules, 100)
        except QueryError:
            assert any(not _is_json(text) for text in texts)
            continue
        if len(judged.places) + len(judged.refused) != len(texts):
            assert any(not _is_json(text) for text in texts)
            continue
        assert set(judged.places) == good
        expected = [_meaning(direct[place].events[0]) for place in judged.places]
        assert sorted(map(_meaning, as_the_worker_reads(judged)), key=str) == sorted(expected, key=str)


def _is_json(text):
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


@settings(max_examples=100)
@given(data=st.data(), document=documents())
def test_damaged_bodies(data, document):
    """A body with bytes removed, repeated or replaced is judged or refused, and what is accepted the worker accepts."""
    body = data.draw(damaged(data.draw(render(document))))
    with suppress(QueryError):
        judged = judge_body(body, ORIGIN, AT_MS, RULES, 100)
        assert as_the_worker_reads(judged) or judged.refused


@settings(max_examples=200)
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_body(body):
    """Any bytes are judged, or refused as a whole in words."""
    with suppress(QueryError):
        judged = judge_body(body, ORIGIN, AT_MS, RULES, 100)
        assert as_the_worker_reads(judged) or judged.refused
