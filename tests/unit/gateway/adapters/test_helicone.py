"""Helicone's rows, row by row of the contract's table."""

from __future__ import annotations

import pytest

from tests.builders import AT_MS, rfc3339
from tests.unit.gateway.adapters.mapping import fields_of, only_event, refusals
from tokentide.gateway.adapters.helicone import read

REQUEST_ID = "550e8400-e29b-41d4-a716-446655440020"


def row(**changes):
    given = {
        "request_id": REQUEST_ID,
        "request_created_at": "2026-04-20 10:01:33.000",
        "latency": 1500,
        "time_to_first_token": 250,
        "provider": "OPENAI",
        "model": "gpt-4o",
        "status": 200,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_cache_read_tokens": 10,
        "prompt_cache_write_tokens": 5,
        "reasoning_tokens": 7,
        "cost": 12_500_000,
        "properties": {"Helicone-Session-Id": "talk", "other": "x"},
        "user_id": "ann",
        "request_body": "my secret",
    }
    return given | changes


def test_every_field():
    """All that the table names; cached tokens are counted apart there, and costs are whole nano-dollars."""
    assert only_event(read, [row()]) == {
        "event_id": REQUEST_ID,
        "timestamp": rfc3339(AT_MS),
        "latency_ms": 1500,
        "stream": True,
        "ttft_ms": 250,
        "provider": "OPENAI",
        "model": "gpt-4o",
        "status": "success",
        "http_status": 200,
        "input_tokens": 110,
        "output_tokens": 20,
        "cached_tokens": 10,
        "cache_write_tokens": 5,
        "reasoning_tokens": 7,
        "cost_usd": "0.012500000",
        "session_id": "talk",
        "user_id": "ann",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": 429}, {"status": "rate_limited", "error_code": "429", "http_status": 429}),
        ({"status": 504}, {"status": "timeout", "error_code": "504"}),
        ({"status": 500}, {"status": "error", "error_code": "500"}),
        ({"status": -1}, {"status": "timeout", "http_status": None}),
        ({"status": -3}, {"status": "cancelled", "http_status": None}),
        ({"status": -4}, {"status": "error", "http_status": None}),
        ({"status": "200"}, {"status": "success"}),
        ({"provider": ""}, {"provider": "unknown"}),
        ({"time_to_first_token": None}, {"stream": None, "ttft_ms": None}),
        ({"request_created_at": "2026-04-20T10:01:33.000Z"}, {"timestamp": rfc3339(AT_MS)}),
        ({"request_created_at": "2026-04-20T12:01:33+02:00"}, {"timestamp": rfc3339(AT_MS)}),
        ({"cost": "7"}, {"cost_usd": "0.000000007"}),
        ({"cost": None}, {"cost_usd": None}),
        ({"prompt_tokens": "100", "prompt_cache_read_tokens": None}, {"input_tokens": 100}),
    ],
)
def test_variants(changes, expected):
    """Numbers may be text, as ClickHouse writes 64-bit integers; negative statuses are Helicone's own."""
    fields = only_event(read, [row(**changes)])
    assert {name: fields.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        (None, "not a JSON object"),
        (row(request_id=None), "request_id: is required"),
        (row(request_created_at="soon"), "request_created_at: must be a time, UTC without an offset"),
        (row(status=None), "status: must be the HTTP status of the answer"),
        (row(status=True), "status: must be the HTTP status of the answer"),
        (row(status=-2), "status: the request has no answer yet; send the row when it has"),
    ],
)
def test_refusals(entry, detail):
    """Each names its place and what is wrong."""
    assert refusals(read, [row(), entry]) == [(1, detail)]


def test_lines_are_as_good_as_an_array():
    """JSONEachRow, as ClickHouse exports it."""
    import json  # noqa: PLC0415

    assert len(fields_of(read, "\n".join(json.dumps(row()) for _ in range(3)).encode())) == 3
