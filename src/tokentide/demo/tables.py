"""How the four LumiqTrace answers look as short tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tokentide.demo.answers import Answers

__all__ = ["answers_as_tables"]

Answer = dict[str, Any]

_ROWS = 5


def answers_as_tables(project: str, answers: Answers) -> RenderableType:
    """The main figures of each answer, one table an endpoint."""
    return Group(
        *_overview(project, answers.overview),
        *_costs(answers.costs),
        *_performance(answers.performance),
        *_errors(answers.errors),
    )


def _overview(project: str, overview: Answer) -> Iterator[RenderableType]:
    kpis, top = overview["kpis"], overview["topModels"]
    table = _table("requests", "cost", "mean latency", "error rate", "dearest model")
    table.add_row(
        f"{kpis['totalRequests']:,}",
        f"${kpis['totalCost']:,.2f}",
        f"{kpis['avgLatency']:,.0f} ms",
        f"{kpis['errorRate']:.2%}",
        top[0]["model"] if top else "none",
    )
    yield from _titled(f"/v1/projects/{project}/overview", table)


def _costs(costs: Answer) -> Iterator[RenderableType]:
    table = _table("model", "calls", "cost", "a call")
    for row in costs["byModel"][:_ROWS]:
        table.add_row(row["model"], f"{row['calls']:,}", f"${row['total_cost']:,.2f}", f"${row['avg_cost']:.5f}")
    yield from _titled("/v1/costs", table)
    yield Text(
        f"this month ${costs['mtdTotal']:,.2f}, thirty such days ${costs['forecast30d']:,.2f}, "
        f"{costs['cacheRate']:.1%} of the input read from caches",
    )


def _performance(performance: Answer) -> Iterator[RenderableType]:
    latency = performance["latencyPercentiles"]
    table = _table("p50", "p90", "p99", "first token", "tokens/s", "time-outs")
    table.add_row(
        *(f"{latency[name]:,.0f} ms" for name in ("p50", "p90", "p99")),
        f"{performance['avgTtft']:,.0f} ms",
        f"{performance['tokensPerSec']:,.1f}",
        f"{performance['timeoutRate']:.2%}",
    )
    yield from _titled("/v1/performance", table)


def _errors(errors: Answer) -> Iterator[RenderableType]:
    table = _table("error", "count", "trend", "top model")
    for group in errors["errorGroups"][:_ROWS]:
        table.add_row(group["error_code"], f"{group['count']:,}", group["trend"], group["top_model"])
    yield from _titled("/v1/errors", table)
    heatmap = errors["rateLimitHeatmap"]
    if heatmap:
        worst = max(heatmap, key=lambda row: int(row["rate_limited_count"]))
        yield Text(f"rate limits in {len(heatmap)} hours, most at {worst['hour']}: {worst['rate_limited_count']}")


def _titled(title: str, table: Table) -> Iterator[RenderableType]:
    yield Text(f"\nGET {title}", style="bold")
    yield table


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    return table
