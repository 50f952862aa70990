"""LiteLLM's StandardLoggingPayload, row by row of the contract's table."""

from __future__ import annotations

import json

import pytest

from tests.builders import AT_MS, rfc3339
from tests.unit.gateway.adapters.mapping import fields_of, only_event, refusals
from tokentide.errors import QueryError
from tokentide.gateway.adapters.litellm import read
from tokentide.gateway.adapters.words import event_id

START = AT_MS / 1000


def call(metadata=None, **changes):
    given = {
        "id": "chatcmpl-1",
        "trace_id": "trace",
        "call_type": "acompletion",
        "stream": True,
        "status": "success",
        "response_cost": 0.0125,
        "custom_llm_provider": "azure",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "startTime": START,
        "endTime": START + 1.5,
        "completionStartTime": START + 0.25,
        "model": "gpt-4o",
        "model_group": "best",
        "end_user": "ann",
        "messages": [{"content": "my secret"}],
        "metadata": {"user_api_key_team_alias": "blue", **(metadata or {})},
    }
    return given | changes


def test_every_field():
    """All that the table names, and nothing of what was said."""
    usage = {"prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 8}}
    assert only_event(read, [call({"usage_object": usage, "requester_metadata": {"session_id": "talk"}})]) == {
        "event_id": event_id("chatcmpl-1"),
        "timestamp": rfc3339(AT_MS),
        "latency_ms": 1500.0,
        "stream": True,
        "ttft_ms": 250.0,
        "provider": "azure",
        "model": "gpt-4o",
        "requested_model": "best",
        "operation": "chat",
        "status": "success",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 40,
        "reasoning_tokens": 8,
        "cost_usd": 0.0125,
        "trace_id": "trace",
        "session_id": "talk",
        "user_id": "ann",
        "teams": ["blue"],
    }


@pytest.mark.parametrize(
    ("code", "error_class", "status", "error_code", "http_status"),
    [
        ("429", "RateLimitError", "rate_limited", "RateLimitError", 429),
        ("408", "Timeout", "timeout", "Timeout", 408),
        ("", "APITimeoutError", "timeout", "APITimeoutError", None),
        ("504", "", "timeout", "504", 504),
        ("499", None, "cancelled", "499", 499),
        ("400", "BadRequestError", "error", "BadRequestError", 400),
        (None, None, "error", None, None),
        ("nonsense", None, "error", "nonsense", None),
    ],
)
def test_failures(code, error_class, status, error_code, http_status):
    """Five ways a call ends are told from the number and the class; the class is the code, else the number."""
    error = {"error_code": code, "error_class": error_class, "error_message": "x" * 600}
    fields = only_event(read, [call(status="failure", error_information=error, response_cost=None)])
    found = (fields["status"], fields.get("error_code"), fields.get("http_status"))
    assert found == (status, error_code, http_status)
    assert len(fields["error_message"]) == 500


@pytest.mark.parametrize(
    ("word", "operation"),
    [
        ("completion", "chat"),
        ("responses", "chat"),
        ("aembedding", "embed"),
        ("text_completion", "completion"),
        ("arerank", "rerank"),
        ("image_generation", "custom"),
    ],
)
def test_operations(word, operation):
    """The contract's words for LiteLLM's."""
    assert only_event(read, [call(call_type=word)])["operation"] == operation


def test_a_tool_call_is_of_kind_mcp():
    """With its server, or `local`."""
    fields = only_event(read, [call({"mcp_tool_call_metadata": {"name": "search", "mcp_server_name": "web"}})])
    assert (fields["kind"], fields["tool_name"], fields["mcp_server_name"]) == ("mcp", "search", "web")
    assert fields["mcp_method"] == "tools/call"
    assert only_event(read, [call({"mcp_tool_call_metadata": {"name": "x"}})])["mcp_server_name"] == "local"


def test_a_call_that_was_not_streamed_has_no_first_token():
    """LiteLLM fills its time in for every call."""
    assert "ttft_ms" not in only_event(read, [call(stream=None)])


def test_a_hit_of_its_cache():
    """What it saved is kept."""
    fields = only_event(read, [call(cache_hit=True, saved_cache_cost=0.5)])
    assert (fields["cache_lookup_status"], fields["potential_cost_savings"]) == ("hit", 0.5)


def test_all_three_forms():
    """An array, NDJSON, and one object."""
    calls = [call(id="a"), call(id="b")]
    forms = [
        calls,
        "\n".join(map(json.dumps, calls)).encode(),
        "\n".join(json.dumps(one, indent=1) for one in calls).encode(),
    ]
    assert all(
        [fields["event_id"] for fields in fields_of(read, form)] == [event_id("a"), event_id("b")] for form in forms
    )
    assert len(fields_of(read, call())) == 1


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (5, "not a JSON object"),
        (call(id=None), "id: is required"),
        (call(startTime=None), "startTime: must be seconds since the epoch"),
        (call(endTime="later"), "endTime: must be seconds since the epoch"),
        (call(endTime=True), "endTime: must be seconds since the epoch"),
        (call(startTime=1e300), "startTime: must be seconds since the epoch"),
        (call(completionStartTime=None), "completionStartTime: must be seconds since the epoch"),
    ],
)
def test_refusals(entry, detail):
    """Each names its place and what is wrong."""
    assert refusals(read, [call(), entry]) == [(1, detail)]


@pytest.mark.parametrize("body", [b"nonsense", b"[", b"{" * 600])
def test_what_is_no_log(body):
    """The whole payload is refused."""
    with pytest.raises(QueryError):
        fields_of(read, body)
