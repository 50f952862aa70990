"""How Perf's answers look as short tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.text import Text

from tokentide.demo.layout import ROWS, Answer, headed, titled

__all__ = ["of"]


def of(perf: Mapping[str, Answer]) -> Iterator[RenderableType]:
    """One table an endpoint."""
    yield from _overview(perf["overview"])
    yield from _customer(perf["customer"])
    yield from _performance(perf["performance"])
    yield from _failures(perf["failures"])
    yield from _providers(perf["providers"])
    yield from _daily(perf["daily"])


def _overview(overview: Answer) -> Iterator[RenderableType]:
    summary, routing = overview["summary"], overview["routing"]
    table = headed("calls", "cost", "success", "routed right", "fallbacks", "retries")
    rates = (summary["success_rate"], *(routing[name] for name in ("accuracy", "fallback_rate", "retry_rate")))
    table.add_row(
        f"{summary['total_calls']:,}", f"${summary['total_cost_usd']:,.2f}", *(f"{rate:.2%}" for rate in rates)
    )
    yield from titled("/v1/metrics/overview", table)


def _customer(customer: Answer) -> Iterator[RenderableType]:
    costs, insights = customer["cost_analysis"], customer["behavior_insights"]
    table = headed("this month", "at its end", "against gpt-4o only", "calls a session", "peak hours (UTC)")
    length = insights["avg_conversation_length"]
    table.add_row(
        f"${costs['current_month']:,.2f}",
        f"${costs['projected_month_end']:,.2f}",
        f"{costs['vs_gpt4o_only']['savings_percentage']:.1f}% saved",
        "unknown" if length is None else f"{length:.1f}",
        ", ".join(map(str, insights["peak_hours"])) or "none",
    )
    yield from titled("/v1/metrics/customer", table)


def _performance(performance: Answer) -> Iterator[RenderableType]:
    table = headed("task", "calls", "optimal model", "why")
    for task, found in list(performance["by_task_type"].items())[:ROWS]:
        table.add_row(task, f"{found['total_calls']:,}", found["optimal_model"] or "none", found["optimal_reason"])
    yield from titled("/v1/metrics/performance", table)
    for advice in performance["recommendations"][:1]:
        yield Text(
            f"{advice['task_type']}: {advice['recommended_model']} rather than {advice['current_model']} saves "
            f"${advice['potential_savings_usd']:,.2f}"
        )


def _failures(failures: Answer) -> Iterator[RenderableType]:
    table = headed("failure mode", "count", "share", "models", "set off by")
    for mode, found in list(failures["by_failure_mode"].items())[:ROWS]:
        names = (", ".join(found[name]) or "unknown" for name in ("affected_models", "common_triggers"))
        table.add_row(mode, f"{found['count']:,}", f"{found['percentage']:.1%}", *names)
    yield from titled("/v1/metrics/failures", table)


def _providers(providers: Answer) -> Iterator[RenderableType]:
    table = headed("provider", "status", "uptime", "p95", "p99", "rate limits", "incidents")
    for provider, found in list(providers["providers"].items())[:ROWS]:
        table.add_row(
            provider,
            found["status"],
            f"{found['uptime']:.2%}",
            *(f"{found[f'{level}_latency_ms']:,.0f} ms" for level in ("p95", "p99")),
            f"{found['rate_limit_hits']:,}",
            f"{len(found['incidents']):,}",
        )
    yield from titled("/v1/metrics/providers", table)


def _daily(daily: Answer) -> Iterator[RenderableType]:
    table = headed("day", "calls", "cost", "mean latency", "success")
    for row in daily["daily_data"][-ROWS:]:
        table.add_row(
            row["date"],
            f"{row['total_calls']:,}",
            f"${row['total_cost_usd']:,.2f}",
            f"{row['avg_latency_ms']:,.0f} ms",
            f"{row['success_rate']:.2%}",
        )
    yield from titled("/v1/metrics/daily", table)
    trends = daily["trends"]
    yield Text(f"calls {trends['calls_trend']}, cost {trends['cost_trend']}, quality {trends['quality_trend']}")
