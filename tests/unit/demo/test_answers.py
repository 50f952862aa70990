"""What the demonstration holds against the API's answers, and how it shows them."""

from __future__ import annotations

import copy

import pytest
from rich.console import Console

from tokentide.demo.answers import Answers, disagreements
from tokentide.demo.tables import answers_as_tables
from tokentide.demo.tally import Measures

SENT = Measures(requests=4, input_tokens=40, output_tokens=20, cost_nanos=1_234_567_800, errors=1)
ANSWERS = Answers(
    overview={
        "kpis": {"totalRequests": 4, "totalCost": 1.234568, "avgLatency": 921.0, "errorRate": 0.25},
        "timeline": [
            {"hour": "2026-04-20T09:00:00Z", "requests": 3, "cost": 1.0, "errors": 1},
            {"hour": "2026-04-20T10:00:00Z", "requests": 1, "cost": 0.234568, "errors": 0},
        ],
        "topModels": [{"model": "gpt-4o", "cost": 1.234568, "requests": 4}],
        "recentErrors": [],
    },
    costs={
        "byModel": [{"model": "gpt-4o", "total_cost": 1.234568, "calls": 4, "avg_cost": 0.308642}],
        "dailyTrend": [],
        "mtdTotal": 487.34,
        "forecast30d": 731.01,
        "cacheRate": 0.187,
    },
    performance={
        "latencyPercentiles": {"p50": 712.0, "p90": 1843.0, "p99": 4201.0},
        "avgTtft": 298.0,
        "tokensPerSec": 48.3,
        "timeoutRate": 0.0041,
    },
    errors={
        "errorGroups": [
            {"error_code": "context_length_exceeded", "count": 1, "trend": "stable", "top_model": "gpt-4o"}
        ],
        "rateLimitHeatmap": [{"hour": "2026-04-20T14:00:00Z", "rate_limited_count": 34}],
    },
    analytics={
        "summary": {"totalCalls": 4, "totalCostUsd": 1.234568, "totalInputTokens": 40, "totalOutputTokens": 20},
        "byModel": [
            {
                "provider": "openai",
                "model": "gpt-4o",
                "calls": 4,
                "costUsd": 1.234568,
                "inputTokens": 4000,
                "outputTokens": 321,
                "avgLatencyMs": 921.0,
            }
        ],
        "byTime": [],
    },
    perf={
        "overview": {
            "summary": {"total_calls": 4, "total_cost_usd": 1.234568, "success_rate": 0.75},
            "routing": {"accuracy": 0.923, "fallback_rate": 0.034, "retry_rate": 0.012},
        },
        "customer": {
            "usage": {"total_cost_usd": 1.234568},
            "cost_analysis": {
                "current_month": 123.45,
                "projected_month_end": 145.67,
                "vs_gpt4o_only": {"savings_percentage": 70.1},
            },
            "behavior_insights": {"peak_hours": [9, 10], "avg_conversation_length": 4.2},
        },
        "performance": {
            "by_task_type": {
                "extraction": {"total_calls": 5678, "optimal_model": "claude-haiku-4-5", "optimal_reason": "Best"}
            },
            "recommendations": [
                {
                    "task_type": "extraction",
                    "current_model": "gpt-4o-mini",
                    "recommended_model": "claude-haiku-4-5",
                    "potential_savings_usd": 14.23,
                }
            ],
        },
        "failures": {
            "by_failure_mode": {
                "refusal": {
                    "count": 56,
                    "percentage": 0.24,
                    "affected_models": ["gpt-4o"],
                    "common_triggers": ["policy violations"],
                }
            }
        },
        "providers": {
            "providers": {
                "openai": {
                    "status": "degraded",
                    "uptime": 0.954,
                    "p95_latency_ms": 2345.0,
                    "p99_latency_ms": 3456.0,
                    "rate_limit_hits": 12,
                    "incidents": [{}],
                }
            }
        },
        "daily": {
            "daily_data": [
                {
                    "date": "2026-04-20",
                    "total_calls": 4,
                    "total_cost_usd": 1.23,
                    "avg_latency_ms": 921.0,
                    "success_rate": 0.75,
                }
            ],
            "trends": {"calls_trend": "increasing", "cost_trend": "stable", "quality_trend": "degrading"},
        },
    },
    metrics={
        "data": {
            "dataPoints": [
                {
                    "modelName": "gpt-4o-of-all",
                    "total": 1240,
                    "sumInputTokens": 125000,
                    "sumCostInUSD": 8.42,
                    "p50LatencyMs": 812.0,
                    "p99LatencyMs": 2450.5,
                }
            ]
        }
    },
)


def test_answers_that_agree():
    """Money agrees when it is what was sent, rounded to the micro-dollar."""
    assert list(disagreements("p", SENT, ANSWERS)) == []


@pytest.mark.parametrize(
    ("answer", "path", "value"),
    [
        ("overview", ("kpis", "totalRequests"), 5),
        ("overview", ("kpis", "totalCost"), 1.234567),
        ("overview", ("timeline", 0, "requests"), 2),
        ("overview", ("timeline", 0, "errors"), 2),
        ("costs", ("byModel", 0, "calls"), 3),
        ("errors", ("errorGroups", 0, "count"), 2),
        ("analytics", ("summary", "totalCalls"), 5),
        ("analytics", ("summary", "totalInputTokens"), 41),
        ("analytics", ("summary", "totalCostUsd"), 1.3),
        ("perf", ("overview", "summary", "total_calls"), 3),
        ("perf", ("daily", "daily_data", 0, "total_calls"), 3),
        ("perf", ("customer", "usage", "total_cost_usd"), 1.3),
    ],
)
def test_each_wrong_figure_is_named(answer, path, value):
    """One wrong figure is one complaint, with the project and the endpoint in it."""
    wrong = copy.deepcopy(ANSWERS)
    place = getattr(wrong, answer)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    complaints = list(disagreements("p", SENT, wrong))
    assert len(complaints) == 1
    assert complaints[0].startswith(f"p, {answer}{f' {path[0]}' if answer == 'perf' else ''}: ")


def test_tables_hold_the_main_figures():
    """On a narrow terminal, too, each endpoint shows its figures with their units."""
    console = Console(width=100, record=True, file=None, quiet=False, color_system=None)
    with console.capture() as capture:
        console.print(answers_as_tables("p", ANSWERS))
    text = capture.get()
    for figure in ("/v1/projects/p/overview", "25.00%", "$1.23", "921 ms", "$0.30864", "$731.01", "18.7%", "4,201 ms"):
        assert figure in text
    for figure in ("48.3", "0.41%", "context_length_exceeded", "2026-04-20T14:00:00Z: 34"):
        assert figure in text
    for figure in (
        "4,321",
        "92.30%",
        "$145.67",
        "70.1% saved",
        "9, 10",
        "saves $14.23",
        "policy violations",
        "degraded",
    ):
        assert figure in text
    for figure in ("gpt-4o-of-all", "125,000", "$8.42", "2,450 ms"):
        assert figure in text
    for figure in ("degraded", "2,345 ms", "2026-04-20", "calls increasing, cost stable, quality degrading"):
        assert figure in text


def test_tables_of_nothing():
    """A project without calls has tables, too."""
    kpis = {"totalRequests": 0, "totalCost": 0, "avgLatency": 0, "errorRate": 0}
    empty = Answers(
        overview={"kpis": kpis, "timeline": [], "topModels": [], "recentErrors": []},
        costs=ANSWERS.costs | {"byModel": []},
        performance=ANSWERS.performance,
        errors={"errorGroups": [], "rateLimitHeatmap": []},
        analytics={"byModel": []},
        perf=ANSWERS.perf
        | {
            "customer": ANSWERS.perf["customer"]
            | {"behavior_insights": {"peak_hours": [], "avg_conversation_length": None}},
            "performance": {"by_task_type": {}, "recommendations": []},
            "failures": {"by_failure_mode": {}},
            "providers": {"providers": {}},
        },
        metrics={"data": {"dataPoints": []}},
    )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(answers_as_tables("p", empty))
    assert "none" in capture.get()
