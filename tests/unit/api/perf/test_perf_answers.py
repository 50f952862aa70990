"""From rows to the bodies of Perf's answers: the seed's own numbers, and the cases at the edge of each rule."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from tokentide.api.perf import customer, daily, failures, overview, performance, providers
from tokentide.api.perf.advice import Health, advised
from tokentide.api.perf.comparison import Prices
from tokentide.api.perf.days import Days
from tokentide.api.perf.figures import quality_score
from tokentide.api.perf.models import Period, PeriodOfDays
from tokentide.api.perf.providers import Hours, incidents
from tokentide.api.sums import Sums
from tokentide.api.times import DAY_MS, HOUR_MS, read_moment
from tokentide.store.accounts import Account
from tokentide.store.queries.totals import Scope
from tokentide.store.queries.window import NO_EVENTS, Window

GPT4O = Prices(Decimal("2.50"), Decimal(10))
NANOS = 10**9


def ms(text):
    return read_moment(text, "time")


def days(count, now="2024-01-30T15:00:00Z"):
    return Days(count, ms(now))


def printed(body):
    return json.loads(body.model_dump_json(by_alias=True))


def test_the_period_of_the_seed():
    """Thirty days that end on 30 January begin on the first, and end with the last second of today (P1)."""
    assert printed(PeriodOfDays.of(days(30))) == {
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-01-30T23:59:59Z",
        "days": 30,
    }
    assert printed(Period.of(days(7)))["start_date"] == "2024-01-24T00:00:00Z"
    assert days(30).window == Window(ms("2024-01-01"), ms("2024-01-31"))


@pytest.mark.parametrize("now", ["2024-02-29T00:00:00Z", "2024-02-29T23:59:59.999Z"])
def test_a_day_is_today_from_its_first_to_its_last_millisecond(now):
    """One day is today, whatever the time is; on a leap day, too."""
    assert days(1, now).window == Window(ms("2024-02-29"), ms("2024-03-01"))


def test_the_overview_of_the_seed():
    """The seed's summary, shares and order, from the rows that would make them."""
    by_model, by_task = 0b01, 0b10  # the marks of grouping(model, task_type)
    rows = [
        (by_model, "gpt-4o", "", 3988, 49_211_920_000, 7_481_488_000, 100, 0, 0, 0, 0),
        (by_model, "gpt-4o-mini", "", 23456, 54_887_040_000, 19_562_304_000, 300, 1000, 923, 1553, 548),
        (by_model, "claude-sonnet-4-5", "", 18234, 159_729_840_000, 26_548_704_000, 194, 0, 0, 0, 0),
        (by_task, "", "extraction", 45000, 0, 0, 0, 0, 0, 0, 0),
        (by_task, "", "", 600, 0, 0, 0, 0, 0, 0, 0),
        (by_task, "", "unknown", 78, 0, 0, 0, 0, 0, 0, 0),
    ]
    body = printed(overview.shaped(days(30), rows))
    assert body["summary"]["total_calls"] == 45678
    assert body["summary"]["success_rate"] == 0.986996
    assert body["routing"] == {"accuracy": 0.923, "fallback_rate": 0.033999, "retry_rate": 0.011997}
    assert list(body["models"]) == ["gpt-4o-mini", "claude-sonnet-4-5", "gpt-4o"]
    assert body["models"]["gpt-4o-mini"] == {
        "calls": 23456,
        "percentage": 0.513508,
        "avg_cost": 0.00234,
        "avg_latency_ms": 834.0,
    }
    assert body["task_distribution"] == {"extraction": 0.985157, "unknown": 0.014843}


def test_the_comparison_of_the_seed():
    """412.34 at the comparison model's prices against 123.45 saves 288.89, which are 70.1 per cent (P15)."""
    cells = [(0b100, 0, "extraction", "m", 12456, 123_450_000_000, 124_936_000, 10_000_000, 0, 0, 0, 0.0, 0)]
    months = [(ms("2024-01-05") // 1000, 123_450_000_000), (ms("2023-12-31") // 1000, 156_780_000_000)]
    body = printed(customer.shaped("acct_abc123", days(30), GPT4O, [cells, months, []]))
    assert body["account_id"] == "acct_abc123"
    costs = body["cost_analysis"]
    assert costs["vs_gpt4o_only"] == {"cost_if_gpt4o": 412.34, "savings_usd": 288.89, "savings_percentage": 70.1}
    assert (costs["current_month"], costs["previous_month"], costs["change_percentage"]) == (123.45, 156.78, -21.3)
    assert costs["projected_month_end"] == round(123.45 / 29.625 * 31, 6)
    assert body["usage"]["avg_calls_per_day"] == 415
    assert body["behavior_insights"]["avg_conversation_length"] is None


def test_an_account_has_prices_of_its_own():
    """Each price that the account has takes the place of the setting; 0 is a price."""
    own = GPT4O.for_account(Account(gpt4o_output_price=Decimal(0)))
    assert own == Prices(Decimal("2.50"), Decimal(0))
    assert own.cost_nanos(2_000_000, 5) == 5 * NANOS


@pytest.mark.parametrize(
    ("now", "projected"),
    [("2024-02-01T00:00:00Z", 0.0), ("2024-02-01T12:00:00Z", 580.0), ("2024-02-29T23:59:59.999Z", 10.0)],
)
def test_a_month_is_projected_by_what_has_passed_of_it(now, projected):
    """At its first instant nothing is known; a leap February has 29 days (P13)."""
    months = [(ms("2024-02-01") // 1000, 10 * NANOS)]
    costs = printed(customer.shaped("o", days(1, now), GPT4O, [[], months, []]))["cost_analysis"]
    assert costs["projected_month_end"] == projected
    assert costs["change_percentage"] == 0


def test_the_months_that_are_asked_for():
    """From the first of the month before, over the turn of the year, to the end of today."""
    asked = customer.asked(Scope(("p",), days(7).window, NO_EVENTS), days(7), "o")
    assert [question.name for question in asked] == ["perf_customer", "perf_months", "account"]
    assert (asked[1].args["from"], asked[1].args["to"]) == (ms("2023-12-01") // 1000, ms("2024-01-31") // 1000)


def test_sessions_are_asked_for_where_all_events_are_kept():
    """A period that begins before that has no conversation length."""
    for kept_from, names in ((days(7).window.start_ms, ["calls_of_sessions"]), (days(7).window.start_ms + 1, [])):
        asked = customer.asked(Scope(("p",), days(7).window, kept_from), days(7), "o")
        assert [question.name for question in asked][3:] == names


def test_the_peak_hours_of_the_seed():
    """Hours more than a quarter above the mean, the six busiest, ascending; of as busy ones the earlier (P19)."""
    busy = {9: 50, 10: 90, 11: 80, 14: 70, 15: 60, 16: 55, 17: 49}
    calls = {(86400 * day + 3600 * hour): count for day in (0, 1) for hour, count in busy.items()}
    assert customer.peak_hours(calls) == [9, 10, 11, 14, 15, 16]
    assert customer.peak_hours({3600 * hour: 1 for hour in range(24)}) == []
    assert customer.peak_hours({3600 * hour: 5 if hour < 6 else 3 for hour in range(24)}) == [0, 1, 2, 3, 4, 5]
    assert customer.peak_hours({3600 * hour: 5 if hour == 3 else 4 for hour in range(24)}) == []
    assert customer.peak_hours({}) == []


def test_a_quarter_above_the_mean_is_not_more_than_that():
    """Exactly five quarters of the mean is no peak."""
    calls = {3600 * hour: 96 for hour in range(24)} | {0: 120, 3600: 72}
    assert customer.peak_hours(calls) == []
    assert customer.peak_hours(calls | {0: 121, 3600: 71}) == [0]


def cell(task, model, calls, pinned):
    return (task, model, calls, 0, 0, 0, 0, 0, pinned, 0.0, 0)


def test_a_task_is_overridden_by_the_model_that_half_of_it_is_pinned_to():
    """Half is enough, calls without a type are the task unknown, and of two halves the first by name is named (P18)."""
    cells = [
        cell("reasoning", "claude", 6, 5),
        cell("reasoning", "gpt-4o", 4, 4),
        cell("code", "gpt-4o", 10, 4),
        cell("", "b", 1, 1),
        cell("unknown", "a", 1, 1),
    ]
    assert customer.task_overrides(cells) == {"reasoning": "claude", "unknown": "a"}


SEED_TASKS = [
    ("extraction", "gpt-4o-mini", 4234, 55, 5_207_820_000, 2_400_678_000, 0.92 * 4234, 4234),
    ("extraction", "claude-haiku-4-5", 1444, 13, 1_415_120_000, 610_812_000, 0.94 * 1444, 1444),
    ("reasoning", "claude-sonnet-4-5", 987, 43, 8_646_120_000, 1_851_612_000, 0.95 * 987, 987),
    ("reasoning", "gpt-4o", 247, 14, 3_047_980_000, 527_098_000, 0.93 * 247, 247),
]


def test_the_performance_of_the_seed():
    """The seed's figures, optimal models and recommendation; the saving is what the figures give (P11, P12)."""
    body = printed(performance.shaped(days(7), None, SEED_TASKS))
    extraction = body["by_task_type"]["extraction"]
    assert extraction["total_calls"] == 5678
    assert extraction["models"]["gpt-4o-mini"] == {
        "calls": 4234,
        "success_rate": 0.98701,
        "avg_cost_usd": 0.00123,
        "avg_latency_ms": 567.0,
        "quality_score": 0.92,
    }
    optimal = {task: found["optimal_model"] for task, found in body["by_task_type"].items()}
    assert optimal == {"extraction": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    assert extraction["optimal_reason"] == "Best quality score for its cost: 0.94 at $0.000980 a call"
    assert body["recommendations"] == [
        {
            "task_type": "extraction",
            "current_model": "gpt-4o-mini",
            "recommended_model": "claude-haiku-4-5",
            "potential_savings_usd": 1.0585,
            "quality_improvement": 0.02,
        }
    ]


def test_one_task_of_the_seed():
    """A filter leaves one task, and its recommendation; a task that nobody has leaves nothing."""
    body = printed(performance.shaped(days(7), "reasoning", SEED_TASKS))
    assert (list(body["by_task_type"]), body["recommendations"]) == (["reasoning"], [])
    assert printed(performance.shaped(days(7), "x", SEED_TASKS))["by_task_type"] == {}


def made(calls, *, cost=0, failures=0, scores=()):
    return Sums(requests=calls, failures=failures, cost_nanos=cost, quality_sum=sum(scores), quality_count=len(scores))


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({"a": made(29, cost=1, scores=[1])}, None),
        ({"a": made(30, cost=1, scores=[1])}, "a"),
        ({"a": made(30, cost=90, scores=[0.9]), "b": made(30, cost=80, scores=[0.8])}, "a"),
        ({"a": made(30, cost=90, scores=[0.9]), "b": made(60, cost=180, scores=[0.9])}, "b"),
        ({"a": made(30, cost=10, scores=[0.99]), "b": made(30, cost=0, scores=[0.1])}, "b"),
        ({"a": made(30, scores=[0.2]), "b": made(30, scores=[0.1])}, "a"),
        ({"a": made(30, cost=10), "b": made(30, cost=10, failures=3)}, "a"),
        ({"a": made(40, cost=10, failures=10), "b": made(40, cost=9, failures=10)}, "b"),
        ({}, None),
    ],
)
def test_the_optimal_model(models, expected):
    """Thirty calls are needed; free is best; without scores the success rate counts; ties go to the busier one."""
    assert performance.optimal(models) == expected


def test_no_optimal_model_has_a_reason():
    """None with thirty calls is null, and says so."""
    body = printed(performance.shaped(days(7), None, [("code", "m", 29, 0, 1, 1, 0.0, 0)]))
    assert body["by_task_type"]["code"]["optimal_model"] is None
    assert "30 calls" in body["by_task_type"]["code"]["optimal_reason"]
    assert body["by_task_type"]["code"]["models"]["m"]["quality_score"] is None


def test_no_model_is_recommended_that_is_worse():
    """A cheaper model of lower quality is optimal, and yet not recommended; one as good is."""
    worse = {"now": made(100, cost=1000, scores=[0.9]), "cheap": made(50, cost=50, scores=[0.8])}
    assert performance.optimal(worse) == "cheap"
    assert performance.recommended("t", worse) is None
    as_good = performance.recommended("t", worse | {"cheap": made(50, cost=50, scores=[0.9])})
    assert (as_good.recommended_model, as_good.quality_improvement) == ("cheap", 0)


def test_savings_are_never_negative():
    """A better model may cost more than the current one; then nothing is saved."""
    models = {"now": made(100, cost=100 * NANOS, scores=[0.1]), "good": made(50, cost=51 * NANOS, scores=[0.9])}
    advice = performance.recommended("t", models)
    assert (advice.potential_savings_usd, advice.quality_improvement) == (0, 0.8)


def failing(model, calls, modes, retry=0, fallback=0):
    return (model, calls, sum(modes), *modes, retry, fallback)


def test_the_failures_of_the_seed():
    """Modes partition all failures, 234 - 156 - 67 = 11 are unrecoverable, and shares are of failures (P4 to P6)."""
    rows = [
        failing("gpt-4o-mini", 8234, (50, 0, 34, 0, 24, 0), 100, 40),
        failing("claude-haiku-4-5", 4000, (39, 0, 0, 31, 0, 0), 56, 27),
        failing("gpt-4o", 3000, (0, 30, 0, 0, 0, 0)),
        failing("claude-sonnet-4-5", 2767, (0, 26, 0, 0, 0, 0)),
        failing("flawless", 1, (0,) * 6),
    ]
    triggers = [("refusal", "b", 2), ("refusal", "a", 2), ("refusal", "c", 9), ("incomplete", "long", 1)]
    body = printed(failures.shaped(days(7), rows, triggers))
    assert body["summary"] == {
        "total_failures": 234,
        "failure_rate": 0.012999,
        "retries_succeeded": 156,
        "fallback_succeeded": 67,
        "unrecoverable": 11,
    }
    modes = body["by_failure_mode"]
    assert {mode: (found["count"], round(found["percentage"], 2)) for mode, found in modes.items()} == {
        "format_violation": (89, 0.38),
        "refusal": (56, 0.24),
        "hallucination": (34, 0.15),
        "incomplete": (31, 0.13),
        "reasoning_error": (24, 0.1),
    }
    assert modes["format_violation"]["affected_models"] == ["gpt-4o-mini", "claude-haiku-4-5"]
    assert modes["refusal"]["common_triggers"] == ["c", "a"]
    assert list(body["by_model"]) == ["gpt-4o-mini", "claude-haiku-4-5", "gpt-4o", "claude-sonnet-4-5"]
    assert body["by_model"]["gpt-4o-mini"]["top_failure_modes"] == ["format_violation", "hallucination"]
    improvements = [advice["expected_improvement"] for advice in body["mitigation_recommendations"]]
    assert improvements == ["38% reduction in failures", "24% reduction in failures"]


@pytest.mark.parametrize(("modes", "advised_on"), [((1, 4, 0, 0, 0, 0), 2), ((19, 81, 0, 0, 0, 0), 1)])
def test_a_fifth_of_the_failures_is_worth_advice(modes, advised_on):
    """Exactly 20 per cent is enough, 19 are not; every mode has its advice."""
    body = failures.shaped(days(7), [failing("m", 100, modes)])
    assert len(body.mitigation_recommendations) == advised_on
    assert set(failures.MITIGATIONS) == set(failures.FAILURE_MODES)


def test_all_failures():
    """When every call fails, the success rate is 0, and everything may be improved."""
    body = printed(failures.shaped(days(1), [failing("m", 5, (0, 0, 0, 0, 0, 5))]))
    assert body["summary"]["failure_rate"] == 1
    assert body["mitigation_recommendations"][0]["expected_improvement"] == "100% reduction in failures"


def health(provider, requests, errors, latency_us=0, limited=0):
    return (0b01, provider, 0, requests, errors, limited, latency_us)


def test_the_providers_of_the_seed():
    """Uptime is what the error rate leaves; a change of -0.05 is stable, one of -0.43 improves (P22, P25)."""
    now = Hours(24, ms("2024-01-31T10:00:00.700Z"))
    rows = [health("openai", 10000, 20, 12_340_000_000, 12)]
    before = [("openai", 10000, 35, 0, 12_990_000_000)]
    latency = [("openai", [2345.0, 3456.0])]
    body = printed(providers.shaped(now, rows, latency, before, [("openai", [2300.0, 3000.0])]))
    assert body["period"] == {
        "start_time": "2024-01-30T10:00:00Z",
        "end_time": "2024-01-31T10:00:00Z",
        "hours": 24,
    }
    assert body["providers"]["openai"] == {
        "status": "operational",
        "uptime": 0.998,
        "avg_latency_ms": 1234.0,
        "p95_latency_ms": 2345.0,
        "p99_latency_ms": 3456.0,
        "error_rate": 0.002,
        "rate_limit_hits": 12,
        "incidents": [],
    }
    assert body["trends"]["openai"] == {
        "latency_trend": "stable",
        "error_trend": "improving",
        "vs_previous_period": {"latency_change": -0.050038, "error_change": -0.428571},
    }
    assert body["recommendations"] == []


def test_both_ends_of_the_hours_count_once():
    """The window holds both of its ends, and the one before ends where it begins (C7)."""
    now = Hours(1, ms("2024-03-01T00:00:00.999Z"))
    assert now.window == Window(ms("2024-02-29T23:00:00Z"), ms("2024-03-01T00:00:00Z") + 1)
    assert now.before == Window(ms("2024-02-29T22:00:00Z"), ms("2024-02-29T23:00:00Z"))


@pytest.mark.parametrize(
    ("requests", "errors", "status"),
    [(100, 0, "operational"), (1000, 9, "operational"), (100, 1, "degraded"), (1000, 99, "degraded"), (10, 1, "down")],
)
def test_the_status_of_a_provider(requests, errors, status):
    """Below one per cent operational, below ten degraded, else down (P23)."""
    now = Hours(1, HOUR_MS * 9)
    body = providers.shaped(now, [health("x", requests, errors)], [("x", [1.0, 1.0])], [], [])
    assert body.providers["x"].status == status


def test_from_nothing_to_something():
    """A provider that was not there before has changes of 0, and degrades by the letter of the rule (P25)."""
    now = Hours(1, HOUR_MS * 9)
    body = providers.shaped(now, [health("x", 10, 1, 1000)], [("x", [1.0, 1.0])], [], [])
    trend = body.trends["x"]
    assert (trend.latency_trend, trend.error_trend) == ("degrading", "degrading")
    assert (trend.vs_previous_period.latency_change, trend.vs_previous_period.error_change) == (0, 0)


def test_incidents_are_runs_of_bad_buckets():
    """Buckets that touch are one incident, its rate is over all of them, and a gap makes another (P24)."""
    found = incidents([(300, 10, 5, 0, 0), (600, 10, 1, 0, 0), (1200, 5, 5, 0, 0)])
    assert [(one.start, one.end, one.error_rate) for one in found] == [
        ("1970-01-01T00:05:00Z", "1970-01-01T00:15:00Z", 0.3),
        ("1970-01-01T00:20:00Z", "1970-01-01T00:25:00Z", 1.0),
    ]
    assert incidents([]) == []


def well(provider, rate=0, p95_ms=100.0, before=100.0):
    return Health(provider, Fraction(rate, 1000), p95_ms, before)


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ([well("b"), well("c", 1)], "b"),
        ([well("b", 1), well("c", 1, 99.0)], "c"),
        ([well("c"), well("b")], "b"),
        ([], None),
    ],
)
def test_advice_names_the_best_other_provider(others, named):
    """By error rate, then by p95, then by name; alone, none is named (P29)."""
    [advice] = advised([well("a", 50), *others])
    assert advice.provider == "a"
    assert [name for name in ("b", "c") if f"using {name} " in advice.action] == ([named] if named else [])


@pytest.mark.parametrize(
    ("health", "messages"),
    [
        (well("a", 9), 0),
        (well("a", 10), 1),
        (well("a", 0, 125.0), 0),
        (well("a", 0, 125.1), 1),
        (well("a", 0, 900.0, 0.0), 0),
        (well("a", 20, 200.0), 1),
    ],
)
def test_who_needs_advice(health, messages):
    """Who is degraded or down, or whose p95 rose by more than a quarter; one row each, and none for who is new."""
    assert len(advised([health])) == messages


def a_day(day, calls, cost=0, failures=0):
    start = ms(day) // 1000
    row = (calls, cost, 0, failures, 0.0, 0)
    # the marks of grouping(at, model, task_type)
    return [(0b001, start, "m", "", *row), (0b010, start, "", "t", *row)]


def test_days_are_dense():
    """Every day of the period is listed, with zeros where nothing was called (P28)."""
    body = printed(daily.shaped(days(3), a_day("2024-01-29", 4, 10**9, 1)))
    assert body["period"] == {"start_date": "2024-01-28", "end_date": "2024-01-30"}
    assert body["daily_data"][1] == {
        "date": "2024-01-29",
        "total_calls": 4,
        "total_cost_usd": 1.0,
        "avg_latency_ms": 0.0,
        "success_rate": 0.75,
        "model_distribution": {"m": 4},
        "task_distribution": {"t": 4},
    }
    assert [day["total_calls"] for day in body["daily_data"]] == [0, 4, 0]
    assert body["daily_data"][0]["success_rate"] == 0


@pytest.mark.parametrize(
    ("calls", "trend", "growth"),
    [
        ([1], "stable", 0),
        ([0, 3], "increasing", 0),
        ([10, 11], "stable", 0.1),
        ([10, 12], "increasing", 0.2),
        ([10, 500, 10], "stable", (49 - 0.98) / 2),
        ([4, 4, 9, 0, 2], "decreasing", (0 + 1.25 - 1) / 3),
        ([], "stable", 0),
    ],
)
def test_halves_of_days(calls, trend, growth):
    """An odd day in the middle is in neither half; growth is over days that follow one with calls (P26, P27)."""
    found = daily.trends([Sums(requests=count) for count in calls])
    assert found.calls_trend == trend
    assert found.avg_daily_growth == pytest.approx(growth, abs=1e-6)


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (made(10, scores=[0.5]), made(10, scores=[0.505]), "stable"),
        (made(10, scores=[0.5]), made(10, scores=[0.506]), "improving"),
        (made(10, scores=[0.5]), made(10, scores=[0.494]), "degrading"),
        (made(10, scores=[0.5]), made(10, failures=1), "degrading"),
        (made(100, failures=1), made(100, failures=2), "degrading"),
        (made(1000, failures=10), made(1000, failures=19), "stable"),
        (Sums(), made(10), "improving"),
        (Sums(), Sums(), "stable"),
    ],
)
def test_the_trend_of_quality(before, now, trend):
    """One per cent is the limit; scores against scores, and else success rates against success rates (P26)."""
    assert daily.trends([before, now]).quality_trend == trend


def test_equal_means_are_equal_whatever_the_order_of_their_sum():
    """Sums of doubles differ in their last places; means that are printed alike count alike."""
    up, down = (0.1 + 0.2) + 0.3, 0.1 + (0.2 + 0.3)
    assert up != down
    assert quality_score(Sums(quality_sum=up, quality_count=3)) == quality_score(
        Sums(quality_sum=down, quality_count=3)
    )


def test_a_year_of_days_never_begins_before_its_limit():
    """Ninety days are the longest period, and they hold today."""
    assert len(days(90).starts_ms) == 90
    assert days(90).starts_ms[-1] == ms("2024-01-30")
    assert days(90).starts_ms[1] - days(90).starts_ms[0] == DAY_MS
