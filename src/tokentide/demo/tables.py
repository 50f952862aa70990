"""How the dialects' answers look as short tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from tokentide.demo import perf_tables
from tokentide.demo.answers import METRICS_QUERY, Answers
from tokentide.demo.layout import ROWS, Answer, headed, titled

__all__ = ["answers_as_tables"]


def answers_as_tables(project: str, answers: Answers) -> RenderableType:
    """The main figures of each answer, one table an endpoint."""
    return Group(
        *_overview(project, answers.overview),
        *_costs(answers.costs),
        *_performance(answers.performance),
        *_errors(answers.errors),
        *_analytics(answers.analytics),
        *perf_tables.of(answers.perf),
        *_metrics(answers.metrics),
    )


def _overview(project: str, overview: Answer) -> Iterator[RenderableType]:
    kpis, top = overview["kpis"], overview["topModels"]
    table = headed("requests", "cost", "mean latency", "error rate", "dearest model")
    table.add_row(
        f"{kpis['totalRequests']:,}",
        f"${kpis['totalCost']:,.2f}",
        f"{kpis['avgLatency']:,.0f} ms",
        f"{kpis['errorRate']:.2%}",
        top[0]["model"] if top else "none",
    )
    yield from titled(f"/v1/projects/{project}/overview", table)


def _costs(costs: Answer) -> Iterator[RenderableType]:
    table = headed("model", "calls", "cost", "a call")
    for row in costs["byModel"][:ROWS]:
        table.add_row(row["model"], f"{row['calls']:,}", f"${row['total_cost']:,.2f}", f"${row['avg_cost']:.5f}")
    yield from titled("/v1/costs", table)
    yield Text(
        f"this month ${costs['mtdTotal']:,.2f}, thirty such days ${costs['forecast30d']:,.2f}, "
        f"{costs['cacheRate']:.1%} of the input read from caches",
    )


def _performance(performance: Answer) -> Iterator[RenderableType]:
    latency = performance["latencyPercentiles"]
    table = headed("p50", "p90", "p99", "first token", "tokens/s", "time-outs")
    table.add_row(
        *(f"{latency[name]:,.0f} ms" for name in ("p50", "p90", "p99")),
        f"{performance['avgTtft']:,.0f} ms",
        f"{performance['tokensPerSec']:,.1f}",
        f"{performance['timeoutRate']:.2%}",
    )
    yield from titled("/v1/performance", table)


def _errors(errors: Answer) -> Iterator[RenderableType]:
    table = headed("error", "count", "trend", "top model")
    for group in errors["errorGroups"][:ROWS]:
        table.add_row(group["error_code"], f"{group['count']:,}", group["trend"], group["top_model"])
    yield from titled("/v1/errors", table)
    heatmap = errors["rateLimitHeatmap"]
    if heatmap:
        worst = max(heatmap, key=lambda row: int(row["rate_limited_count"]))
        yield Text(f"rate limits in {len(heatmap)} hours, most at {worst['hour']}: {worst['rate_limited_count']}")


def _analytics(analytics: Answer) -> Iterator[RenderableType]:
    table = headed("provider", "model", "calls", "tokens", "cost", "mean latency")
    for row in analytics["byModel"][:ROWS]:
        table.add_row(
            row["provider"],
            row["model"],
            f"{row['calls']:,}",
            f"{row['inputTokens'] + row['outputTokens']:,}",
            f"${row['costUsd']:,.2f}",
            f"{row['avgLatencyMs']:,.0f} ms",
        )
    yield from titled("/api/analytics/llm", table)


def _metrics(metrics: Answer) -> Iterator[RenderableType]:
    table = headed("model", "calls", "input tokens", "cost", "p50", "p99")
    for row in metrics["data"]["dataPoints"][:ROWS]:
        table.add_row(
            row["modelName"],
            f"{row['total']:,}",
            f"{row['sumInputTokens']:,}",
            f"${row['sumCostInUSD']:,.2f}",
            f"{row['p50LatencyMs']:,.0f} ms",
            f"{row['p99LatencyMs']:,.0f} ms",
        )
    yield from titled(f"{METRICS_QUERY} (all projects)", table)
