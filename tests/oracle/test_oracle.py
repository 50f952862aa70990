"""The oracle itself, held against answers that were worked out by hand."""

from __future__ import annotations

import ast
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tests.oracle.compare import Percentile, Rounded, differences, parse
from tests.oracle.log import Call, Sent, calls, millis
from tests.oracle.lumiqtrace import costs, errors, overview, performance

FOLDER = Path(__file__).parent
NOW = millis("2026-05-03T09:30:00Z")


def identity(number):
    return f"00000000-0000-4000-8000-{number:012x}"


def call(time, number=1, **other):
    given = {"project": "p", "event_id": identity(number), "ms": millis(time), "model": "m", "status": "success"}
    given |= {"code": None, "latency": Fraction(100), "ttft": None, "read": 0, "written": 0, "cached": 0}
    return Call(**(given | {"cost": Fraction(0)} | other))


def window(start, end):
    return "p", millis(start), millis(end), NOW


def exact(expected):
    """An expected answer as plain values, for the eye: what it should be, unrounded."""
    if isinstance(expected, dict):
        return {key: exact(value) for key, value in expected.items()}
    if isinstance(expected, list):
        return [exact(value) for value in expected]
    return float(expected.exact) if isinstance(expected, Rounded) else expected


def test_it_shares_no_code_with_the_package():
    """An oracle that imports what it judges proves nothing."""
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "tokentide"], file.name


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-04-20T10:01:33.000Z", 1_776_679_293_000),
        ("2026-04-20T10:01:33.0009999Z", 1_776_679_293_000),
        ("2026-04-20T12:01:33.5+02:00", 1_776_679_293_500),
        ("2026-04-19t22:31:33.25-11:30", 1_776_679_293_250),
        ("2024-02-29T23:59:59.999z", 1_709_251_199_999),
    ],
)
def test_timestamps_are_cut_to_the_millisecond(text, ms):
    """Offsets are converted, and further digits are cut off, never rounded (C2)."""
    assert millis(text) == ms


def sent(number, record_ms, offset, partition=0, project="p", **other):
    event = {"event_id": identity(number), "project_id": project, "timestamp": "2026-04-20T10:00:00Z", "model": "m"}
    return Sent(partition, offset, record_ms, event | {"status": "success", "latency_ms": 5} | other)


def counted(*log):
    return [(made.project, made.event_id) for made in calls(log)]


def test_an_identity_counts_once():
    """A second occurrence in the window changes nothing, whatever it says."""
    assert counted(sent(1, 0, 0), sent(1, 0, 0), sent(1, 600_000, 1, latency_ms=9)) == [("p", identity(1))]


def test_each_occurrence_renews_an_identity():
    """The window runs from the last occurrence, not from the first."""
    log = [sent(1, 0, 0), sent(1, 400_000, 1), sent(1, 800_000, 2), sent(1, 1_400_001, 3)]
    assert len(counted(*log)) == 2


def test_log_time_never_falls():
    """Log time is the running maximum of the record timestamps: a younger record before it has aged the window."""
    assert len(counted(sent(1, 0, 0), sent(2, 700_000, 1), sent(1, 10, 2))) == 3


def test_identities_belong_to_a_project_and_a_partition():
    """The same event_id of another project, or in another partition, is another event."""
    assert len(counted(sent(1, 0, 0), sent(1, 0, 1, project="q"), sent(1, 0, 0, partition=1))) == 3


def test_identities_are_told_apart_by_value():
    """A UUID in capitals or without hyphens is the same identity."""
    assert len(counted(sent(0xAB, 0, 0), sent(0xAB, 0, 1, event_id=identity(0xAB).replace("-", "").upper()))) == 1


def test_only_calls_of_concrete_models_count():
    """Other kinds and the rows of virtual models are no calls (C1)."""
    log = [sent(1, 0, 0, kind="mcp"), sent(2, 0, 1, virtual_model="v"), sent(3, 0, 2, kind="llm", virtual_model=None)]
    assert counted(*log) == [("p", identity(3))]


def test_a_time_to_first_token_needs_a_stream():
    """Only streamed calls have one (L7)."""
    log = [sent(1, 0, 0, ttft_ms=3), sent(2, 0, 1, ttft_ms=3.25, stream=True), sent(3, 0, 2, stream=True)]
    assert [made.ttft for made in calls(log)] == [None, Fraction(13, 4), None]


def test_overview_by_hand():
    """Four calls in three hours: totals, dense hours, models by cost, and what went wrong, newest first."""
    every = [
        call("2026-04-20T09:59:59.999Z", 9, cost=Fraction(7)),
        call("2026-04-20T10:00:00.000Z", 1, cost=Fraction(1, 4), latency=Fraction(300), model="a"),
        call("2026-04-20T10:30:00.000Z", 2, cost=Fraction(1, 2), status="timeout", model="b"),
        call("2026-04-20T12:00:00.001Z", 3, status="cancelled", model="b"),
        call("2026-04-20T12:00:00.001Z", 4, status="error", code="e", model="c", latency=Fraction(200)),
        call("2026-04-20T10:15:00.000Z", 5, project="q"),
    ]
    assert exact(overview(every, *window("2026-04-20T10:00:00Z", "2026-04-20T13:00:00Z"))) == {
        "kpis": {"totalRequests": 4, "totalCost": 0.75, "avgLatency": 175, "errorRate": 0.5},
        "timeline": [
            {"hour": "2026-04-20T10:00:00Z", "requests": 2, "cost": 0.75, "errors": 1},
            {"hour": "2026-04-20T11:00:00Z", "requests": 0, "cost": 0, "errors": 0},
            {"hour": "2026-04-20T12:00:00Z", "requests": 2, "cost": 0, "errors": 1},
        ],
        "topModels": [
            {"model": "b", "cost": 0.5, "requests": 2},
            {"model": "a", "cost": 0.25, "requests": 1},
            {"model": "c", "cost": 0, "requests": 1},
        ],
        "recentErrors": [
            _error(3, "b", "cancelled", "cancelled", "2026-04-20T12:00:00.001Z"),
            _error(4, "c", "error", "e", "2026-04-20T12:00:00.001Z"),
            _error(2, "b", "timeout", "timeout", "2026-04-20T10:30:00.000Z"),
        ],
    }


def _error(number, model, status, code, timestamp):
    fields = {"event_id": identity(number), "model": model, "status": status}
    return fields | {"error_code": code, "timestamp": timestamp}


def test_a_bucket_that_only_the_end_touches():
    """It is listed when it holds a call (L2); the bucket of the start is always listed."""
    at_end = [call("2026-04-20T11:00:00Z")]
    for every, hours in (([], ["10"]), (at_end, ["10", "11"])):
        timeline = overview(every, *window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z"))["timeline"]
        assert [entry["hour"][11:13] for entry in timeline] == hours
    assert len(overview([], *window("2026-04-20T10:00:00Z", "2026-04-20T10:00:00Z"))["timeline"]) == 1


def test_seven_days_are_hours_and_more_are_days():
    """The timeline is hourly up to seven days (L2)."""
    week = overview([], *window("2026-04-10T00:00:00Z", "2026-04-17T00:00:00Z"))["timeline"]
    longer = overview([], *window("2026-04-10T00:00:00Z", "2026-04-17T00:00:00.001Z"))["timeline"]
    assert len(week) == 7 * 24
    assert [entry["hour"] for entry in longer[::7]] == ["2026-04-10T00:00:00Z", "2026-04-17T00:00:00Z"]


def test_the_ten_newest_ties_by_identity():
    """Of calls that begin together the lower event_id comes first, and the eleventh is left out (L5)."""
    every = [call("2026-04-20T10:00:00Z", number, status="error") for number in (5, 3, 11, 1, 2, 4, 6, 7, 8, 9, 10)]
    recent = overview(every, *window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z"))["recentErrors"]
    assert [entry["event_id"] for entry in recent] == [identity(number) for number in range(1, 11)]


def test_top_models_break_ties():
    """Equal cost: more requests first, then the name; the sixth is left out (L15)."""
    every = [call("2026-04-20T10:00:00Z", model=model) for model in ("b", "a", "c", "c", "d", "e", "f")]
    models = overview(every, *window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z"))["topModels"]
    assert [entry["model"] for entry in models] == ["c", "a", "b", "d", "e"]


@pytest.mark.parametrize(
    ("first_data", "start", "end", "now", "forecast"),
    [
        # 487.34 / 20 * 30: the seed's own numbers
        ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-20T23:59:59Z", "2026-05-01T00:00:00Z", 731.01),
        # an end at midnight does not begin a 21st day
        ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-21T00:00:00Z", "2026-05-01T00:00:00Z", 731.01),
        # a start at noon counts its whole day: still 20
        ("2026-03-01T00:00:00Z", "2026-04-01T12:00:00Z", "2026-04-20T12:00:00Z", "2026-05-01T00:00:00Z", 731.01),
        # the project began on the 11th: 10 days
        ("2026-04-11T23:00:00Z", "2026-04-01T00:00:00Z", "2026-04-20T23:59:59Z", "2026-05-01T00:00:00Z", 1462.02),
        # the 20th is today and a quarter over: 19.25 days; the end lies in the future
        ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-20T23:59:59Z", "2026-04-20T06:00:00Z", 759.490909),
        # the same, the end being midnight
        ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-04-21T00:00:00Z", "2026-04-20T06:00:00Z", 759.490909),
        # today, but the window ended before now: half a day
        ("2026-03-01T00:00:00Z", "2026-04-20T00:00:00Z", "2026-04-20T12:00:00Z", "2026-04-20T18:00:00Z", 29240.4),
        # no day at all
        ("2026-03-01T00:00:00Z", "2026-04-20T00:00:00Z", "2026-04-20T00:00:00Z", "2026-05-01T00:00:00Z", 0),
    ],
)
def test_forecast(first_data, start, end, now, forecast):
    """Mean cost of the window's days times thirty (L10)."""
    middle = max(millis(start), millis("2026-04-20T00:00:00Z"))
    every = [call(first_data), call(start)._replace(ms=middle, cost=Fraction("487.34"))]
    answer = costs(every, "p", millis(start), millis(end), millis(now))
    assert float(answer["forecast30d"].exact) == pytest.approx(forecast, abs=1e-6)


def test_costs_by_hand():
    """Models by cost, dense days, the month of the end from its first day on, the share of cached tokens."""
    every = [
        call("2026-03-31T23:59:59.999Z", cost=Fraction(100)),
        call("2026-04-01T00:00:00.000Z", cost=Fraction(2)),
        call("2026-04-19T10:00:00.000Z", cost=Fraction(1), read=30, cached=20),
        call("2026-04-19T11:00:00.000Z", cost=Fraction(2), read=70, cached=10),
        call("2026-04-21T00:00:00.000Z", cost=Fraction(5), model="n"),
        call("2026-04-21T00:00:00.001Z", cost=Fraction(9)),
    ]
    assert exact(costs(every, *window("2026-04-19T00:00:00Z", "2026-04-21T00:00:00Z"))) == {
        "byModel": [
            {"model": "n", "total_cost": 5, "calls": 1, "avg_cost": 5},
            {"model": "m", "total_cost": 3, "calls": 2, "avg_cost": 1.5},
        ],
        "dailyTrend": [
            {"date": "2026-04-19", "cost": 3},
            {"date": "2026-04-20", "cost": 0},
            {"date": "2026-04-21", "cost": 5},
        ],
        "mtdTotal": 10,
        "forecast30d": 120,
        "cacheRate": 0.3,
    }


def test_performance_by_hand():
    """Speed over all calls, time to the first token over streams, time-outs over all calls."""
    every = [
        call("2026-04-20T10:00:00Z", latency=Fraction(1000), written=40, ttft=Fraction(200)),
        call("2026-04-20T10:00:00Z", latency=Fraction(500), written=20, ttft=Fraction(301)),
        call("2026-04-20T10:00:00Z", latency=Fraction(500), status="timeout"),
        call("2026-04-20T10:00:00Z", latency=Fraction(1000), status="cancelled"),
    ]
    answer = performance(every, *window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z"))
    values = [1000, 500, 500, 1000]
    assert answer.pop("latencyPercentiles") == {f"p{p}": Percentile(values, p) for p in (50, 90, 99)}
    assert exact(answer) == {"avgTtft": 250.5, "tokensPerSec": 20, "timeoutRate": 0.25}


def test_nothing_is_zero():
    """Every ratio, mean and percentile over nothing is 0 (C4)."""
    span = window("2026-04-20T10:00:00Z", "2026-04-20T10:59:00Z")
    assert exact(performance([], *span)) == {
        "latencyPercentiles": {"p50": 0, "p90": 0, "p99": 0},
        "avgTtft": 0,
        "tokensPerSec": 0,
        "timeoutRate": 0,
    }
    assert exact(overview([], *span)["kpis"]) == {"totalRequests": 0, "totalCost": 0, "avgLatency": 0, "errorRate": 0}
    assert exact(errors([], *span)) == {"errorGroups": [], "rateLimitHeatmap": []}


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (0, 4, "stable"),
        (1, 3, "stable"),
        (0, 5, "increasing"),
        (1, 4, "increasing"),
        (4, 1, "decreasing"),
        (10, 11, "stable"),
        (10, 12, "increasing"),
        (10, 9, "stable"),
        (10, 8, "decreasing"),
    ],
)
def test_trend(before, now, trend):
    """Against the window of equal length before; fewer than five in both say nothing (L14)."""
    every = [call("2026-04-20T09:30:00Z", status="error", code="e")] * before
    every += [call("2026-04-20T10:30:00Z", status="error", code="e")] * now
    groups = errors(every, *window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z"))["errorGroups"]
    assert [(group["count"], group["trend"]) for group in groups] == [(now, trend)]


def test_the_window_before_is_half_open():
    """It begins at start - (end - start), included, and ends before start (L14)."""
    inside = [call("2026-04-20T09:00:00Z", status="error"), call("2026-04-20T09:59:59.999Z", status="error")]
    outside = [call("2026-04-20T08:59:59.999Z", status="error"), call("2026-04-20T12:00:00Z", status="error")]
    own = [call("2026-04-20T10:00:00Z", status="error"), call("2026-04-20T11:00:00Z", status="error")]
    span = window("2026-04-20T10:00:00Z", "2026-04-20T11:00:00Z")
    assert errors(inside + outside + own * 2, *span)["errorGroups"][0]["trend"] == "increasing"
    assert errors(inside * 2 + outside + own * 2, *span)["errorGroups"][0]["trend"] == "stable"


def test_errors_by_hand():
    """Groups by count, then code, codes by status where none was given; refusals by the hour."""
    every = [
        call("2026-04-20T10:00:00Z", status="error", model="a"),
        call("2026-04-20T10:00:00Z", status="timeout", model="b"),
        call("2026-04-20T10:59:59.999Z", status="rate_limited", model="a"),
        call("2026-04-20T12:00:00Z", status="rate_limited", model="b"),
        call("2026-04-20T12:30:00Z", status="rate_limited", model="a", code="quota"),
        call("2026-04-20T12:30:00Z", status="cancelled", model="b", code="gone"),
        call("2026-04-20T12:30:00Z", model="b"),
    ]
    assert errors(every, *window("2026-04-20T10:00:00Z", "2026-04-20T13:00:00Z")) == {
        "errorGroups": [
            # a and b have one each; b has four calls of all kinds, a three
            {"error_code": "rate_limited", "count": 2, "trend": "stable", "top_model": "b"},
            {"error_code": "quota", "count": 1, "trend": "stable", "top_model": "a"},
            {"error_code": "timeout", "count": 1, "trend": "stable", "top_model": "b"},
            {"error_code": "unknown", "count": 1, "trend": "stable", "top_model": "a"},
        ],
        "rateLimitHeatmap": [
            {"hour": "2026-04-20T10:00:00Z", "rate_limited_count": 1},
            {"hour": "2026-04-20T12:00:00Z", "rate_limited_count": 2},
        ],
    }


@pytest.mark.parametrize(
    ("exact_value", "places", "text", "agrees"),
    [
        (Fraction(1, 3), 6, "0.333333", True),
        (Fraction(1, 3), 6, "0.333334", False),
        (Fraction(1, 3), 6, "0.3333333", False),
        (Fraction("0.0000005"), 6, "0.000001", True),
        (Fraction("0.0000005"), 6, "0.0", True),
        (Fraction("0.000001"), 6, "1e-06", True),
        (Fraction(921), 3, "921", True),
        (Fraction(921), 3, "921.0", True),
        (Fraction(921), 3, '"921"', False),
        (Fraction(1), 3, "true", False),
        (Fraction(0), 3, "null", False),
    ],
)
def test_rounded_numbers(exact_value, places, text, agrees):
    """A number is right when it is the exact one rounded; at a tie both sides are (C5)."""
    assert (differences(Rounded(exact_value, places), parse(text)) == []) is agrees


@pytest.mark.parametrize(
    ("percent", "estimate", "agrees"),
    [
        (50, "500", True),
        (50, "511", True),
        (50, "513", False),
        (50, "488", False),
        (90, "906", True),
        (90, "908", False),
        (99, "992", True),
        (99, "994", False),
        (99, "1001", False),
    ],
)
def test_percentiles_are_compared_by_rank(percent, estimate, agrees):
    """Of the values 1 to 1000 an estimate is its own rank: it may be off by the tolerance and one rank (C6)."""
    values = [Fraction(value) for value in range(1, 1001)]
    assert (differences(Percentile(values, percent), parse(estimate)) == []) is agrees


def test_a_percentile_of_equal_values():
    """Of equal values every percentile is that value, as nearly as a 32-bit float holds it."""
    values = [Fraction("45678.901")] * 100
    assert differences(Percentile(values, 99), Decimal("45678.902")) == []
    assert differences(Percentile(values, 99), Decimal("45678.99")) != []


def test_differences_name_their_places():
    """Each difference is listed with its JSON path: missing and unexpected keys, lengths, types, values."""
    expected = {"a": [{"b": 1}, {"b": 2}], "c": "x", "d": 1, "e": 0}
    found = differences(expected, parse('{"a": [{"b": 1.0}, {"b": 3}, {}], "c": "y", "f": 0, "e": false}'))
    assert sorted(difference.partition(":")[0] for difference in found) == [
        "$.a",
        "$.a[0].b",
        "$.a[1].b",
        "$.c",
        "$.d",
        "$.e",
        "$.f",
    ]
