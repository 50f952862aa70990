"""Langfuse's batch, row by row of the contract's table."""

from __future__ import annotations

import pytest

from tests.builders import AT_MS, rfc3339
from tests.unit.gateway.adapters.mapping import mapped, only_event, refusals
from tokentide.errors import QueryError
from tokentide.gateway.adapters.langfuse import read
from tokentide.gateway.adapters.langfuse_usage import cost_of, usage_of
from tokentide.gateway.adapters.words import event_id

BODY = {
    "id": "g",
    "traceId": "t",
    "parentObservationId": "parent",
    "startTime": "2026-04-20T10:01:33.000Z",
    "endTime": "2026-04-20T10:01:34.500Z",
    "completionStartTime": "2026-04-20T10:01:33.250Z",
    "model": "gpt-4o",
    "input": "my secret",
    "usageDetails": {"input": 90, "input_cached_tokens": 10, "output": 20, "output_reasoning_tokens": 7},
    "costDetails": {"input": 0.001, "output": 0.002, "total": 0.003},
    "environment": "lab",
}


def entry(number=1, kind="generation-create", **body):
    return {"id": f"e{number}", "type": kind, "timestamp": rfc3339(AT_MS), "body": BODY | body}


def test_every_field():
    """All that the table names; the session comes from the batch's trace."""
    trace = {"id": "e0", "type": "trace-create", "body": {"id": "t", "sessionId": "talk", "userId": "ann"}}
    assert only_event(read, {"batch": [trace, entry()]}) == {
        "event_id": event_id("g"),
        "timestamp": rfc3339(AT_MS),
        "latency_ms": 1500.0,
        "stream": True,
        "ttft_ms": 250.0,
        "provider": "unknown",
        "model": "gpt-4o",
        "status": "success",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 10,
        "reasoning_tokens": 7,
        "cost_usd": 0.003,
        "session_id": "talk",
        "user_id": "ann",
        "trace_id": "t",
        "span_id": "g",
        "parent_span_id": "parent",
        "environment": "lab",
    }


def test_a_create_and_its_updates_are_one_generation():
    """What comes later wins, what it leaves out stays; all entries share its fate."""
    created = entry(1, endTime=None, usageDetails=None)
    updated = entry(2, "generation-update", model=None, usageDetails={"input": 5})
    found = mapped(read, {"batch": [created, updated]})
    ((place, fields),) = found.events
    assert (place, fields["model"], fields["input_tokens"]) == (0, "gpt-4o", 5)
    assert found.items == [("e1", 0), ("e2", 0)]


def test_what_is_still_open_is_refused():
    """A generation without an end makes no event; others of the batch do."""
    found = mapped(read, {"batch": [entry(1, id="a", endTime=None), entry(2, id="b")]})
    assert [(unfit.place, unfit.detail) for unfit in found.refused] == [
        (0, "body.endTime: is required, as RFC 3339 with an offset")
    ]
    assert [place for place, _ in found.events] == [1]


@pytest.mark.parametrize(
    ("entries", "detail"),
    [
        (5, "an entry has an id, a type and a body"),
        ({"id": "x", "type": "generation-create"}, "an entry has an id, a type and a body"),
        (entry(id=None), "body.id: is required"),
        (entry(startTime="soon"), "body.startTime: is required, as RFC 3339 with an offset"),
        (entry(endTime="2026-04-20T10:01:32Z"), "body.endTime: lies before startTime"),
    ],
)
def test_refusals(entries, detail):
    """Each names its place and what is wrong."""
    other = {"id": "x", "type": "span-create", "body": {"id": "s"}}
    assert refusals(read, {"batch": [other, entries]}) == [(1, detail)]


def test_an_error():
    """Level ERROR is an error, with its words cut to what is kept."""
    fields = only_event(read, {"batch": [entry(level="ERROR", statusMessage="x" * 600)]})
    assert (fields["status"], len(fields["error_message"])) == ("error", 500)


@pytest.mark.parametrize("kind", ["observation-create", "observation-update"])
def test_an_observation_of_that_type_is_a_generation(kind):
    """The oldest SDKs call it so."""
    assert only_event(read, {"batch": [entry(kind=kind, type="GENERATION")]})["model"] == "gpt-4o"
    assert mapped(read, {"batch": [entry(kind=kind, type="SPAN")]}).events == []


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, {}),
        ("nonsense", {}),
        ({"input": 5, "output": 7, "total": 12, "unit": "TOKENS"}, {"input_tokens": 5, "output_tokens": 7}),
        ({"promptTokens": 5, "completionTokens": 7}, {"input_tokens": 5, "output_tokens": 7}),
        ({"input": 5, "cache_read_input_tokens": 3}, {"input_tokens": 8, "cached_tokens": 3}),
        ({"input": 5, "cache_creation_input_tokens": 3}, {"input_tokens": 5, "cache_write_tokens": 3}),
        ({"input_cached_tokens": 3}, {"input_tokens": 3, "cached_tokens": 3}),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 40},
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
            {"input_tokens": 100, "output_tokens": 20, "cached_tokens": 40, "reasoning_tokens": 8},
        ),
    ],
)
def test_usage(usage, expected):
    """In Langfuse's words, in OpenAI's, and in older ones."""
    assert {name: value for name, value in usage_of(usage).items() if value is not None} == expected


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        (None, None),
        ({}, None),
        ({"total": 0.5, "input": 9}, 0.5),
        ({"input": 0.1, "output": 0.2}, "0.3"),
        ({"input": 5, "output": 7, "unit": "TOKENS"}, None),
        ({"input": 5, "total": 12, "inputCost": 0.1, "outputCost": 0.2}, "0.3"),
        ({"input": 5, "totalCost": 0.5, "unit": "TOKENS"}, 0.5),
        ({"input": "much"}, None),
    ],
)
def test_costs(costs, expected):
    """The total, else the sum of the parts, added as decimals; tokens are never taken for dollars."""
    assert cost_of(costs) == expected


@pytest.mark.parametrize("body", [{}, {"batch": {}}, [], b"nonsense"])
def test_what_is_no_batch(body):
    """The whole payload is refused."""
    with pytest.raises(QueryError):
        mapped(read, body)
