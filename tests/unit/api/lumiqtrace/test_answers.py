"""From rows to the bodies of LumiqTrace's answers, and which rows are asked for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.lumiqtrace import costs, errors, overview, performance
from tokentide.api.period import Period, read_period
from tokentide.api.times import DAY_MS, HOUR_MS, read_moment
from tokentide.errors import QueryError
from tokentide.store.queries.totals import Scope
from tokentide.store.queries.window import NO_EVENTS, Window

BY_BUCKET, BY_MODEL = 0b01, 0b10  # the marks of grouping(at, model)


def ms(text):
    return read_moment(text, "time")


def seconds(text):
    return ms(text) // 1000


def period(start, end):
    return Period(ms(start), ms(end))


def printed(body):
    return json.loads(body.model_dump_json(by_alias=True))


def scope(asked, events_from_ms=0):
    return Scope(("p",), asked.window, events_from_ms)


def test_the_overview_of_the_seed():
    """The seed's example, from the rows that would make it: every key, its order, and each number's form."""
    usage = [
        (BY_BUCKET, seconds("2026-04-20T09:00:00Z"), "", 1420, 4_870_000_000, 1_307_820_000, 20, 4, 5),
        (BY_BUCKET, seconds("2026-04-20T10:00:00Z"), "", 1654, 5_620_000_000, 1_523_334_000, 31, 0, 0),
        (BY_MODEL, 0, "claude-sonnet-4-6", 1200, 4_000_000_000, 1, 0, 0, 0),
        (BY_MODEL, 0, "gpt-4o", 1874, 6_490_000_000, 1, 51, 4, 5),
    ]
    failed_at = ms("2026-04-20T10:01:33.000Z")
    failures = [("550e8400-e29b-41d4-a716-446655440020", "gpt-4o", "error", "context_length_exceeded", failed_at)]
    body = overview.shaped(period("2026-04-20T09:00:00Z", "2026-04-20T10:59:59Z"), usage, failures)
    assert body.model_dump_json(by_alias=True) == (
        '{"kpis":{"totalRequests":3074,"totalCost":10.49,"avgLatency":921.0,"errorRate":0.019519},'
        '"timeline":[{"hour":"2026-04-20T09:00:00Z","requests":1420,"cost":4.87,"errors":29},'
        '{"hour":"2026-04-20T10:00:00Z","requests":1654,"cost":5.62,"errors":31}],'
        '"topModels":[{"model":"gpt-4o","cost":6.49,"requests":1874},'
        '{"model":"claude-sonnet-4-6","cost":4.0,"requests":1200}],'
        '"recentErrors":[{"event_id":"550e8400-e29b-41d4-a716-446655440020","model":"gpt-4o","status":"error",'
        '"error_code":"context_length_exceeded","timestamp":"2026-04-20T10:01:33.000Z"}]}'
    )


def test_an_overview_over_nothing_is_zeros():
    """No calls: ratios are 0, every bucket is there, lists of what was found are empty."""
    body = printed(overview.shaped(period("2026-04-20T09:30:00Z", "2026-04-20T10:30:00Z"), []))
    assert body["kpis"] == {"totalRequests": 0, "totalCost": 0, "avgLatency": 0, "errorRate": 0}
    assert body["timeline"] == [
        {"hour": f"2026-04-20T{hour}:00:00Z", "requests": 0, "cost": 0, "errors": 0} for hour in ("09", "10")
    ]
    assert (body["topModels"], body["recentErrors"]) == ([], [])


def test_the_five_dearest_models_are_listed_and_ties_are_settled():
    """By cost, then by requests, then by name."""
    models = [("e", 1, 5), ("d", 9, 5), ("c", 1, 5), ("b", 0, 7), ("a", 9, 4), ("f", 99, 3)]
    usage = [(BY_MODEL, 0, model, requests, nanos, 0, 0, 0, 0) for model, requests, nanos in models]
    body = overview.shaped(period("2026-04-20", "2026-04-20"), usage)
    assert [top.model for top in body.top_models] == ["b", "d", "c", "e", "a"]


def test_a_long_overview_is_by_day():
    """Beyond seven days the buckets are days, under the same key."""
    long = period("2026-04-01T12:00:00Z", "2026-04-10T00:00:00Z")
    body = overview.shaped(long, [(BY_BUCKET, seconds("2026-04-02"), "", 3, 0, 0, 0, 0, 0)])
    assert [(bucket.hour, bucket.requests) for bucket in body.timeline][:2] == [
        ("2026-04-01T00:00:00Z", 0),
        ("2026-04-02T00:00:00Z", 3),
    ]
    assert len(body.timeline) == 9
    assert overview.asked(scope(long), long)[0].args["step"] == 86400


def test_recent_errors_are_asked_only_where_events_are_kept():
    """Without an events table there is one question less, and the list is empty."""
    asked = period("2026-04-20", "2026-04-21")
    assert [question.name for question in overview.asked(scope(asked), asked)] == ["overview", "recent_failures"]
    assert [question.name for question in overview.asked(scope(asked, NO_EVENTS), asked)] == ["overview"]


def test_the_costs_of_the_seed():
    """487.34 dollars in twenty days are 731.01 in thirty; a cost a call has six decimals."""
    days = [
        (BY_BUCKET, seconds("2026-04-01"), "", 1, 22_410_000_000, 0, 0),
        (BY_BUCKET, seconds("2026-04-02"), "", 1, 24_880_000_000, 0, 0),
    ]
    models = [
        (BY_MODEL, 0, "claude-sonnet-4-6", 34200, 175_240_000_000, 500, 87),
        (BY_MODEL, 0, "gpt-4o", 89400, 312_100_000_000, 500, 100),
    ]
    april = period("2026-04-01T00:00:00Z", "2026-04-20T23:59:59Z")
    first = [(seconds("2026-03-01T05:00:00Z"),)]
    body = costs.shaped(april, ms("2026-05-05"), days + models, [(487_340_000_000,)], first)
    text = body.model_dump_json(by_alias=True)
    assert text.startswith(
        '{"byModel":[{"model":"gpt-4o","total_cost":312.1,"calls":89400,"avg_cost":0.003491},'
        '{"model":"claude-sonnet-4-6","total_cost":175.24,"calls":34200,"avg_cost":0.005124}],'
        '"dailyTrend":[{"date":"2026-04-01","cost":22.41},{"date":"2026-04-02","cost":24.88},'
        '{"date":"2026-04-03","cost":0.0},'
    )
    assert text.endswith('{"date":"2026-04-20","cost":0.0}],"mtdTotal":487.34,"forecast30d":731.01,"cacheRate":0.187}')


def test_costs_over_nothing_are_zeros():
    """No calls ever: nothing is divided by nothing."""
    body = printed(costs.shaped(period("2026-04-20", "2026-04-20"), ms("2026-05-05"), [], [(0,)], []))
    assert body == {
        "byModel": [],
        "dailyTrend": [{"date": "2026-04-20", "cost": 0}],
        "mtdTotal": 0,
        "forecast30d": 0,
        "cacheRate": 0,
    }


def test_the_month_is_that_of_the_end():
    """The total of the month runs from its first day to the end of the period, whatever the start is."""
    asked = period("2026-01-15", "2026-04-20T10:00:00Z")
    month = costs.asked(scope(asked), asked)[1].args
    assert month["from"] == seconds("2026-04-01")
    assert month["edge0_to"] == ms("2026-04-20T10:00:00Z") + 1


@pytest.mark.parametrize(
    ("start", "end", "first", "now", "days"),
    [
        ("2026-04-01", "2026-04-20T23:59:59Z", "2026-01-01", "2026-05-05", 20),
        ("2026-04-01", "2026-04-20T23:59:59Z", None, "2026-05-05", 20),
        ("2026-04-01T23:59:59Z", "2026-04-02T00:00:00.001Z", "2026-01-01", "2026-05-05", 2),
        ("2026-04-01", "2026-04-02", "2026-01-01", "2026-05-05", 1),
        ("2026-04-02", "2026-04-02", "2026-01-01", "2026-05-05", 0),
        ("2026-04-01", "2026-04-20T12:00:00Z", "2026-04-19T22:00:00Z", "2026-05-05", 2),
        ("2026-04-01", "2026-04-20T12:00:00Z", "2026-04-25", "2026-05-05", 0),
        ("2026-04-01", "2026-04-20T18:00:00Z", "2026-01-01", "2026-04-20T18:00:00Z", 19.75),
        ("2026-04-01", "2026-04-20T12:00:00Z", "2026-01-01", "2026-04-20T18:00:00Z", 19.5),
        ("2026-04-01", "2026-04-20T23:59:59Z", "2026-01-01", "2026-04-20T18:00:00Z", 19.75),
        ("2026-04-01", "2026-04-20T23:59:59Z", "2026-04-20T05:00:00Z", "2026-04-20T06:00:00Z", 0.25),
        ("2026-04-01", "2026-04-20", "2026-01-01", "2026-04-20T06:00:00Z", 19),
        ("2026-04-01", "2026-04-22T12:00:00Z", "2026-01-01", "2026-04-20T06:00:00Z", 22),
    ],
)
def test_the_days_of_a_forecast(start, end, first, now, days):
    """Calendar days, from the first with a call; a closing midnight is none, and today is as long as it has lasted."""
    first_ms = None if first is None else ms(first)
    assert costs.forecast_days_ms(period(start, end), first_ms, ms(now)) == days * DAY_MS


def test_performance():
    """Percentiles as they come; the rest are sums divided once."""
    body = performance.shaped([(1000, 4, 298_000_000, 1000, 44_485, 921_000_000)], [([712.0, 1843.0004, 4201.5],)])
    assert body.model_dump_json(by_alias=True) == (
        '{"latencyPercentiles":{"p50":712.0,"p90":1843.0,"p99":4201.5},'
        '"avgTtft":298.0,"tokensPerSec":48.301,"timeoutRate":0.004}'
    )


def test_performance_over_nothing_is_zeros():
    """No calls, no streams, no latency: 0 everywhere."""
    nan = float("nan")
    body = printed(performance.shaped([(0, 0, 0, 0, 0, 0)], [([nan, nan, nan],)]))
    assert body == {
        "latencyPercentiles": {"p50": 0, "p90": 0, "p99": 0},
        "avgTtft": 0,
        "tokensPerSec": 0,
        "timeoutRate": 0,
    }


def test_performance_asks_for_the_three_percentiles():
    """p50, p90 and p99 of the latency digest, over the same window as the sums."""
    asked = period("2026-04-20", "2026-04-21")
    sums, latency = performance.asked(scope(asked))
    assert "quantilesTDigestWeightedArray(0.5, 0.9, 0.99)(latency_means, latency_weights)" in latency.sql
    assert latency.args == sums.args


def test_errors_are_grouped_by_code():
    """By count and then by code, with the model that has most of them; the heatmap has the hours that were limited."""
    now = [("overloaded", "gpt-4o", 300), ("overloaded", "claude", 112), ("rate_limited", "claude", 87), ("a", "x", 87)]
    before = [("overloaded", 200), ("rate_limited", 87), ("gone", 5)]
    hours = [("13", 0), ("14", 34), ("15", 12)]
    usage = [(BY_BUCKET, seconds(f"2026-04-20T{hour}:00:00Z"), "", 500, count) for hour, count in hours]
    usage += [(BY_MODEL, 0, "claude", 9000, 46), (BY_MODEL, 0, "gpt-4o", 1000, 0)]
    body = errors.shaped(now, before, usage)
    assert body.model_dump_json(by_alias=True) == (
        '{"errorGroups":['
        '{"error_code":"overloaded","count":412,"trend":"increasing","top_model":"gpt-4o"},'
        '{"error_code":"a","count":87,"trend":"increasing","top_model":"x"},'
        '{"error_code":"rate_limited","count":87,"trend":"stable","top_model":"claude"}],'
        '"rateLimitHeatmap":[{"hour":"2026-04-20T14:00:00Z","rate_limited_count":34},'
        '{"hour":"2026-04-20T15:00:00Z","rate_limited_count":12}]}'
    )


@pytest.mark.parametrize(
    ("calls", "expected"),
    [([("a", 5), ("b", 9)], "b"), ([("a", 5), ("b", 5)], "a"), ([], "a")],
)
def test_a_tie_for_the_top_model_goes_to_the_busier_one(calls, expected):
    """Of models with as many errors, the one with more calls of any status is named, else the first by name."""
    usage = [(BY_MODEL, 0, model, requests, 0) for model, requests in calls]
    assert errors.shaped([("e", "b", 3), ("e", "a", 3)], [], usage).error_groups[0].top_model == expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (4, 0, "stable"),
        (5, 0, "increasing"),
        (1, 3, "stable"),
        (1, 4, "decreasing"),
        (3, 2, "increasing"),
        (11, 10, "stable"),
        (111, 100, "increasing"),
        (110, 100, "stable"),
        (90, 100, "stable"),
        (89, 100, "decreasing"),
    ],
)
def test_trends(now, before, expected):
    """More than a tenth up or down is a trend; fewer than five errors in both times together are none."""
    assert errors.trend(now, before) == expected


def test_errors_are_held_against_as_long_a_time_before():
    """[start - length, start) comes before [start, end]."""
    asked = Period(10 * HOUR_MS, 12 * HOUR_MS)
    now, before, usage = errors.asked(scope(asked), asked)
    assert (before.args["from"], before.args["to"]) == (8 * 3600, 10 * 3600)
    assert (now.args["from"], now.args["to"]) == (usage.args["from"], usage.args["to"]) == (10 * 3600, 12 * 3600)
    assert asked.before == Window(8 * HOUR_MS, 10 * HOUR_MS)


BOUNDS = st.none() | st.text(max_size=12) | st.datetimes().map(lambda moment: moment.isoformat() + "+11:30")


@given(BOUNDS, BOUNDS)
def test_whatever_is_asked_is_answered_or_refused(start, end):
    """No bounds, however odd, lead to anything but an answer or words about a parameter."""
    now_ms = ms("2026-04-20T10:00:00Z")
    try:
        asked = read_period(start, end, now_ms, 30 * DAY_MS)
        where = scope(asked)
        assert all((overview.asked(where, asked), costs.asked(where, asked), errors.asked(where, asked)))
        overview.shaped(asked, [])
        costs.shaped(asked, now_ms, [], [(0,)], [])
    except QueryError as error:
        refused = error.field
    else:
        refused = None
    assert refused in {None, "start", "end"}
