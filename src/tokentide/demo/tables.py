"""How the four LumiqTrace answers look as short tables on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table

from tokentide.demo.answers import Answers

__all__ = ["answers_as_tables"]

_ROWS = 5


def answers_as_tables(project: str, answers: Answers) -> RenderableType:
    """The main figures of each answer, one table an endpoint."""
    return Group(_overview(project, answers), _costs(answers), _performance(answers), _errors(answers))


def _overview(project: str, answers: Answers) -> Table:
    kpis = answers.overview["kpis"]
    table = _table(f"/v1/projects/{project}/overview", "requests", "cost", "mean latency", "error rate", "top model")
    top = answers.overview["topModels"]
    table.add_row(
        f"{kpis['totalRequests']:,}",
        f"${kpis['totalCost']:,.2f}",
        f"{kpis['avgLatency']:,.0f} ms",
        f"{kpis['errorRate']:.2%}",
        top[0]["model"] if top else "",
    )
    return table


def _costs(answers: Answers) -> Table:
    costs = answers.costs
    table = _table("/v1/costs", "model", "calls", "cost", "a call")
    for model in costs["byModel"][:_ROWS]:
        table.add_row(
            model["model"], f"{model['calls']:,}", f"${model['total_cost']:,.2f}", f"${model['avg_cost']:.5f}"
        )
    table.caption = (
        f"this month ${costs['mtdTotal']:,.2f}, 30 such days ${costs['forecast30d']:,.2f}, "
        f"{costs['cacheRate']:.1%} of the input from caches"
    )
    return table


def _performance(answers: Answers) -> Table:
    performance = answers.performance
    latency = performance["latencyPercentiles"]
    table = _table("/v1/performance", "p50", "p90", "p99", "first token", "tokens/s", "time-outs")
    table.add_row(
        *(f"{latency[name]:,.0f} ms" for name in ("p50", "p90", "p99")),
        f"{performance['avgTtft']:,.0f} ms",
        f"{performance['tokensPerSec']:,.1f}",
        f"{performance['timeoutRate']:.2%}",
    )
    return table


def _errors(answers: Answers) -> Table:
    table = _table("/v1/errors", "error", "count", "trend", "top model")
    for group in answers.errors["errorGroups"][:_ROWS]:
        table.add_row(group["error_code"], f"{group['count']:,}", group["trend"], group["top_model"])
    heatmap = answers.errors["rateLimitHeatmap"]
    if heatmap:
        worst = max(heatmap, key=lambda row: row["rate_limited_count"])
        table.caption = f"{len(heatmap)} hours with rate limits, most in {worst['hour']}: {worst['rate_limited_count']}"
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left", caption_justify="left", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
