"""From rows to the bodies of AgentLens' answers, and what its parameters mean."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.agentlens import analytics, events
from tokentide.api.agentlens.events import Page, read_page
from tokentide.api.times import read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.totals import Scope
from tokentide.store.queries.window import Window

BY_BUCKET, BY_MODEL = 0b011, 0b100  # the marks of grouping(at, provider, model)
WHOLE = Page(None, "desc", 50, 0, is_empty=False)


def seconds(text):
    return read_moment(text, "time") // 1000


def scope(**only):
    return Scope(("p",), Window(0, 3_600_000), 0, only)


def test_the_analytics_of_the_seed():
    """The seed's example, from the rows that would make it: every key, its order, and each number's form."""
    rows = [
        (BY_MODEL, 0, "openai", "gpt-4o", 15, 3_000_000_000, 35000, 15000, 13_500_000),
        (BY_MODEL, 0, "anthropic", "claude-sonnet-4-20250514", 20, 8_500_000_000, 100000, 30000, 30_000_000),
        (BY_BUCKET, seconds("2026-02-08T10:00:00Z"), "", "", 5, 1_200_000_000, 15000, 5000, 4_500_000),
        (BY_BUCKET, seconds("2026-02-08T11:00:00Z"), "", "", 8, 2_100_000_000, 25000, 8000, 8_800_000),
    ]
    body = analytics.shaped("hour", rows)
    assert body.model_dump_json(by_alias=True) == (
        '{"summary":{"totalCalls":35,"totalCostUsd":11.5,"totalInputTokens":135000,"totalOutputTokens":45000,'
        '"avgLatencyMs":1242.857,"avgCostPerCall":0.328571},"byModel":['
        '{"provider":"anthropic","model":"claude-sonnet-4-20250514","calls":20,"costUsd":8.5,"inputTokens":100000,'
        '"outputTokens":30000,"avgLatencyMs":1500.0},'
        '{"provider":"openai","model":"gpt-4o","calls":15,"costUsd":3.0,"inputTokens":35000,"outputTokens":15000,'
        '"avgLatencyMs":900.0}],"byTime":['
        '{"bucket":"2026-02-08T10:00:00Z","calls":5,"costUsd":1.2,"inputTokens":15000,"outputTokens":5000,'
        '"avgLatencyMs":900.0},'
        '{"bucket":"2026-02-08T11:00:00Z","calls":8,"costUsd":2.1,"inputTokens":25000,"outputTokens":8000,'
        '"avgLatencyMs":1100.0}]}'
    )


def test_models_that_cost_as_much():
    """By cost, then by provider, then by model; one model of two providers is two (A4)."""
    names = [("b", "x"), ("a", "y"), ("a", "x")]
    rows = [(BY_MODEL, 0, provider, model, 1, 5, 0, 0, 0) for provider, model in names]
    rows.append((BY_MODEL, 0, "z", "z", 1, 6, 0, 0, 0))
    found = analytics.shaped("hour", rows).by_model
    assert [(row.provider, row.model) for row in found] == [("z", "z"), ("a", "x"), ("a", "y"), ("b", "x")]


def test_weeks_are_made_of_days():
    """Days of one week add up under its Monday, over the turn of the year, too (A2, A3)."""
    dates = ("2027-12-26", "2027-12-27", "2028-01-01", "2028-01-02", "2028-01-03")
    rows = [(BY_BUCKET, seconds(date), "", "", 1, 10**9, 2, 3, 1000) for date in dates]
    found = analytics.shaped("week", rows).by_time
    assert [(row.bucket[:10], row.calls, row.cost_usd, row.avg_latency_ms) for row in found] == [
        ("2027-12-20", 1, 1.0, 1.0),
        ("2027-12-27", 3, 3.0, 1.0),
        ("2028-01-03", 1, 1.0, 1.0),
    ]
    assert analytics.asked(scope(), "week")[0].args["step"] == 86400
    assert analytics.asked(scope(), "hour")[0].args["step"] == 3600


@given(st.integers(0, 4_000_000_000))
def test_a_week_begins_on_the_monday_at_or_before(moment):
    """Mondays are whole weeks from 5 January 1970."""
    start = analytics.week_start(moment)
    assert start <= moment < start + 7 * 86400
    assert (start - 4 * 86400) % (7 * 86400) == 0


@pytest.mark.parametrize("text", ["", "Hour", "minute", "month", "hour "])
def test_a_granularity_is_one_of_three(text):
    """Anything else, nothing too, is refused in AgentLens' own words (A2)."""
    with pytest.raises(QueryError, match=r"^Invalid granularity\. Use: hour, day, week$") as refused:
        analytics.read_granularity(text)
    assert refused.value.field is None
    assert [analytics.read_granularity(known) for known in (None, "hour", "day", "week")] == [
        "hour",
        "hour",
        "day",
        "week",
    ]


def a_call(**changed):
    named = {
        "event_id": "550e8400-e29b-41d4-a716-446655440020",
        "time_ms": 1_776_679_293_004,
        "session": None,
        "agent": None,
        "provider": "openai",
        "model": "gpt-4o",
        "status": "success",
        "finish": None,
        "code": None,
        "cost_nanos": 6_100_000,
        "latency_ms": 812.5,
        "read": 1200,
        "written": 310,
        "cached": 300,
        "cache_written": 0,
        "reasoning": 64,
    }
    return tuple((named | changed).values())


def test_an_event_is_a_response_of_agentlens():
    """Its payload has AgentLens' names; what a call does not have is empty; the hash is of all the rest."""
    page = json.loads(events.shaped(WHOLE, [a_call()], [(1,)]).model_dump_json(by_alias=True))
    assert (page["total"], page["hasMore"]) == (1, False)
    [event] = page["events"]
    assert len(event.pop("hash")) == 64
    assert event == {
        "id": "550e8400-e29b-41d4-a716-446655440020",
        "timestamp": "2026-04-20T10:01:33.004Z",
        "sessionId": "",
        "agentId": "",
        "eventType": "llm_response",
        "severity": "info",
        "payload": {
            "callId": "550e8400-e29b-41d4-a716-446655440020",
            "provider": "openai",
            "model": "gpt-4o",
            "completion": None,
            "finishReason": "stop",
            "usage": {
                "inputTokens": 1200,
                "outputTokens": 310,
                "totalTokens": 1510,
                "thinkingTokens": 64,
                "cacheReadTokens": 300,
                "cacheWriteTokens": 0,
            },
            "costUsd": 0.0061,
            "latencyMs": 812.5,
            "status": "success",
        },
        "metadata": {},
        "prevHash": None,
    }


def test_a_failed_call_is_an_error():
    """Its severity, its status as the reason that it finished, and its code."""
    failed, told = events.shaped(
        WHOLE, [a_call(status="timeout", code="e"), a_call(status="error", finish="length")], [(2,)]
    ).events
    assert (failed.severity, failed.payload["finishReason"], failed.payload["errorCode"]) == ("error", "timeout", "e")
    assert (told.payload["finishReason"], "errorCode" in told.payload) == ("length", False)
    assert failed.hash != told.hash


@pytest.mark.parametrize(
    ("offset", "found", "counted", "total", "more"),
    [(0, 1, 1, 1, False), (0, 1, 5, 5, True), (4, 1, 5, 5, False), (9, 0, 5, 5, False), (0, 2, 1, 2, False)],
)
def test_whether_there_are_more(offset, found, counted, total, more):
    """Pages end with the last event; one that came in after the count is counted, too."""
    page = events.shaped(Page(None, "desc", 50, offset, is_empty=False), [a_call()] * found, [(counted,)])
    assert (page.total, page.has_more) == (total, more)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None, None, None), WHOLE),
        (("llm_call,llm_response", "info,error", "asc", "10", "20"), Page(None, "asc", 10, 20, is_empty=False)),
        (("", "", "", "", ""), WHOLE),
        (
            (None, "error,critical", None, "999", None),
            Page(failed=True, order="desc", limit=500, offset=0, is_empty=False),
        ),
        ((None, "info", None, None, None), Page(failed=False, order="desc", limit=50, offset=0, is_empty=False)),
    ],
)
def test_pages(given, expected):
    """Lists with commas, AgentLens' defaults, and at most 500 events."""
    assert read_page(*given) == expected


@pytest.mark.parametrize(("types", "severities"), [("tool_call", None), (None, "warn"), ("custom", "warn")])
def test_pages_that_hold_nothing(types, severities):
    """Events of other types and severities are not kept."""
    assert read_page(types, severities, None, None, None).is_empty


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ((None, None, "up", None, None), "order"),
        ((None, None, None, "0", None), "limit"),
        ((None, None, None, "ten", None), "limit"),
        ((None, None, None, "1" * 5000, None), "limit"),
        ((None, None, None, None, "-1"), "offset"),
        ((None, None, None, None, "1000001"), "offset"),
    ],
)
def test_pages_that_make_no_sense(given, field):
    """The message begins with the parameter."""
    with pytest.raises(QueryError, match=f"^{field} must ") as refused:
        read_page(*given)
    assert refused.value.field == field


def test_rollups_count_what_they_can():
    """Only what a rollup does not know is counted over events."""
    assert "FROM usage_1h" in events.asked(scope(agent_id="a", model="m"), WHOLE)[1].sql
    for asked in (
        events.asked(scope(session_id="s"), WHOLE),
        events.asked(scope(), Page(failed=True, order="asc", limit=1, offset=0, is_empty=False)),
    ):
        assert "usage_1h" not in asked[1].sql
