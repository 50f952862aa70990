"""The oracles of Perf and AgentLens, held against answers that were worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.oracle import agentlens, perf
from tests.oracle.compare import Percentile, Rounded, differences
from tests.oracle.log import Call, millis

NOW = millis("2024-02-29T12:00:00Z")


def call(time, number=1, **raw):
    """A call of the project p; `raw` are the fields of its event."""
    raw = {"provider": "openai", "model": "m", "status": "success", **raw}
    return Call(
        project="p",
        event_id=f"00000000-0000-4000-8000-{number:012x}",
        ms=millis(time),
        model=raw["model"],
        status=raw["status"],
        code=raw.get("error_code"),
        latency=Fraction(raw.get("latency_ms", 100)),
        ttft=None,
        read=raw.get("input_tokens", 0),
        written=raw.get("output_tokens", 0),
        cached=0,
        cost=Fraction(str(raw.get("cost_usd", 0))),
        raw=raw,
    )


def exact(expected):
    """An expected answer as plain values, for the eye."""
    if isinstance(expected, dict):
        return {key: exact(value) for key, value in expected.items()}
    if isinstance(expected, list):
        return [exact(value) for value in expected]
    if isinstance(expected, Percentile):
        return sorted(expected.values)
    return float(expected.exact) if isinstance(expected, Rounded) else expected


def test_analytics_by_hand():
    """Both ends count; Monday 26 February begins the week; the dearer model comes first."""
    every = [
        call("2024-02-25T23:59:59.999Z", 1, cost_usd=1, input_tokens=10, output_tokens=5),
        call("2024-02-26T00:00:00.000Z", 2, cost_usd=3, model="n", provider="x", latency_ms=300, agent_id="a"),
        call("2024-02-29T11:00:00.001Z", 3, cost_usd=9),
    ]
    end = millis("2024-02-29T11:00:00.000Z")
    found = exact(agentlens.analytics(every, ["p"], every[0].ms, end, "week"))
    assert found["summary"] == {
        "totalCalls": 2,
        "totalCostUsd": 4,
        "totalInputTokens": 10,
        "totalOutputTokens": 5,
        "avgLatencyMs": 200,
        "avgCostPerCall": 2,
    }
    assert [row["model"] for row in found["byModel"]] == ["n", "m"]
    assert [row["bucket"] for row in found["byTime"]] == ["2024-02-19T00:00:00Z", "2024-02-26T00:00:00Z"]
    assert agentlens.analytics(every, ["p"], 0, end, agent_id="a")["summary"]["totalCalls"] == 1
    newest = agentlens.newest(every, ["p"], 0, NOW, 2)
    assert [event["payload"]["model"] for event in newest["events"]] == ["m", "n"]
    assert (newest["total"], newest["hasMore"]) == (3, True)


def test_days_end_today():
    """Two days that end on a leap day begin the day before; tomorrow and the day before that do not count (P1)."""
    times = ("2024-02-27T23:59:59.999Z", "2024-02-28T00:00:00Z", "2024-02-29T23:59:59.999Z", "2024-03-01T00:00:00Z")
    every = [call(time, number) for number, time in enumerate(times)]
    found = perf.overview(every, ["p"], NOW, days=2)
    assert found["summary"]["total_calls"] == 2
    assert found["period"] == {
        "start_date": "2024-02-28T00:00:00Z",
        "end_date": "2024-02-29T23:59:59Z",
        "days": 2,
    }


@pytest.mark.parametrize(
    ("raw", "mode"),
    [
        ({}, None),
        ({"status": "cancelled", "finish_reason": "length"}, None),
        ({"finish_reason": "length"}, None),
        ({"failure_mode": "refusal"}, "refusal"),
        ({"status": "error", "failure_mode": "refusal", "finish_reason": "length"}, "refusal"),
        ({"status": "error", "finish_reason": "length", "validation_passed": False}, "incomplete"),
        ({"status": "timeout", "finish_reason": "content_filter"}, "refusal"),
        ({"status": "error", "validation_passed": False}, "format_violation"),
        ({"status": "rate_limited", "validation_passed": True}, "provider_error"),
    ],
)
def test_each_failure_has_one_mode(raw, mode):
    """What was given is first, then the reason of its end, then validation; success and cancellation are none (P4)."""
    found = perf.failures([call("2024-02-29T01:00:00Z", **raw)], ["p"], NOW)
    assert list(found["by_failure_mode"]) == ([mode] if mode else [])
    assert found["summary"]["total_failures"] == bool(mode)


def test_routing_by_hand():
    """A verdict counts as it is; without one the requested model must have answered, well and alone (P7)."""
    every = [
        call("2024-02-29T01:00:00Z", 1, routing_correct=True, requested_model="other", status="error"),
        call("2024-02-29T01:00:00Z", 2, routing_correct=False, requested_model="m"),
        call("2024-02-29T01:00:00Z", 3, requested_model="m"),
        call("2024-02-29T01:00:00Z", 4, requested_model="m", fallback_used=True),
        call("2024-02-29T01:00:00Z", 5, requested_model="m", status="error"),
        call("2024-02-29T01:00:00Z", 6),
    ]
    assert exact(perf.overview(every, ["p"], NOW)["routing"])["accuracy"] == 2 / 5


def test_months_by_hand():
    """A month of 29 days, of which 28.5 have passed, against the whole month before (P13, P14)."""
    every = [
        call("2023-12-31T23:59:59Z", 1, cost_usd=50),
        call("2024-01-01T00:00:00Z", 2, cost_usd=20),
        call("2024-02-01T00:00:00Z", 3, cost_usd=57),
        call("2024-02-29T23:00:00Z", 4, cost_usd=0),
    ]
    costs = exact(perf.customer(every, ["p"], NOW, days=1)["cost_analysis"])
    assert (costs["current_month"], costs["previous_month"], costs["change_percentage"]) == (57, 20, 185)
    assert costs["projected_month_end"] == 58


def test_the_comparison_by_hand():
    """A million tokens each way cost 2.50 and 10.00 at the comparison model (P15)."""
    every = [call("2024-02-29T01:00:00Z", input_tokens=10**6, output_tokens=10**6, cost_usd=5)]
    found = exact(perf.customer(every, ["p"], NOW)["cost_analysis"]["vs_gpt4o_only"])
    assert found == {"cost_if_gpt4o": 12.5, "savings_usd": 7.5, "savings_percentage": 60}


def test_optimal_models_by_hand():
    """Thirty calls are needed; quality by cost decides, and a free model beats any that costs (P11, P12)."""
    good = [call("2024-02-29T01:00:00Z", cost_usd=2, quality_score=0.9) for _ in range(40)]
    cheap = [call("2024-02-29T01:00:00Z", cost_usd=1, model="n", quality_score=0.9) for _ in range(30)]
    free = [call("2024-02-29T01:00:00Z", cost_usd=0, model="f", quality_score=0.1) for _ in range(30)]
    found = perf.performance([*good, *cheap], ["p"], NOW)
    assert found["by_task_type"]["unknown"]["optimal_model"] == "n"
    assert exact(found["recommendations"]) == [
        {
            "task_type": "unknown",
            "current_model": "m",
            "recommended_model": "n",
            "potential_savings_usd": 40,
            "quality_improvement": 0,
        }
    ]
    free_too = perf.performance([*good, *cheap, *free], ["p"], NOW)
    assert (free_too["by_task_type"]["unknown"]["optimal_model"], free_too["recommendations"]) == ("f", [])
    few = perf.performance(cheap[:29], ["p"], NOW)
    assert few["by_task_type"]["unknown"]["optimal_model"] is None


def test_incidents_by_hand():
    """Two bad stretches that touch are one; four calls are too few, and nine good ones of ten are enough (P24)."""
    at = "2024-02-29T11:{:02}:00Z"
    every = [call(at.format(minute), number, status="error") for number, minute in enumerate([0] * 5 + [5] * 5)]
    every += [call(at.format(10), 50 + number, status="error") for number in range(4)]
    every += [call(at.format(20), 60 + number) for number in range(9)] + [call(at.format(20), 70, status="timeout")]
    found = exact(perf.providers(every, ["p"], NOW, hours=1)["providers"]["openai"])
    assert found["incidents"] == [
        {"start": "2024-02-29T11:00:00Z", "end": "2024-02-29T11:10:00Z", "error_rate": 1},
        {"start": "2024-02-29T11:20:00Z", "end": "2024-02-29T11:25:00Z", "error_rate": 0.1},
    ]
    assert (found["status"], found["error_rate"]) == ("down", 15 / 24)


def test_the_hours_by_hand():
    """Both ends are in the window, to the second; the time before ends where it begins."""
    every = [call("2024-02-29T12:00:00.000Z", 1), call("2024-02-29T11:00:00Z", 2, latency_ms=200)]
    every += [call("2024-02-29T10:59:59.999Z", 3, latency_ms=300), call("2024-02-29T12:00:00.001Z", 4)]
    found = exact(perf.providers(every, ["p"], NOW + 999, hours=1))
    assert found["providers"]["openai"]["p95_latency_ms"] == [100, 200]
    assert found["trends"]["openai"]["vs_previous_period"]["latency_change"] == -0.5
    assert found["trends"]["openai"]["latency_trend"] == "improving"


@pytest.mark.parametrize(
    ("rows", "is_right"),
    [
        ([], False),
        ([{"provider": "a", "message": "down", "action": "Use b"}], True),
        ([{"provider": "a", "message": "down", "action": "Use c"}], False),
        ([{"provider": "a", "message": "", "action": "Use b"}], False),
        ([{"provider": "a", "message": "down", "action": "Use b"}] * 2, False),
        ([{"provider": name, "message": "x", "action": "Use b"} for name in "ac"], False),
    ],
)
def test_advice_is_judged(rows, is_right):
    """One row for whoever is not well, and for nobody else, with the name of the best other one (P29)."""
    calls = {
        "a": [call("2024-02-29T01:00:00Z", status="error")],
        "b": [call("2024-02-29T01:00:00Z")],
        "c": [call("2024-02-29T01:00:00Z")] * 100 + [call("2024-02-29T01:00:00Z", status="error")],
    }
    del calls["c"][0]
    healthy = [call("2024-02-29T01:00:00Z")] * 200 + [call("2024-02-29T01:00:00Z", status="error")]
    advice = perf.Advice(calls | {"c": healthy}, {})
    assert (differences(advice, rows) == []) == is_right


def test_growth_by_hand():
    """From 1 to 2 and from 2 to 1 is a mean growth of a quarter; a day after none has none (P27)."""
    times = ("2024-02-26T01:00:00Z", "2024-02-27T01:00:00Z", "2024-02-27T01:00:00Z", "2024-02-28T01:00:00Z")
    every = [call(time, number) for number, time in enumerate(times)]
    trends = exact(perf.daily(every, ["p"], NOW - 86_400_000, days=4)["trends"])
    assert trends["avg_daily_growth"] == 0.25
    assert (trends["calls_trend"], trends["quality_trend"]) == ("increasing", "stable")
