"""How do LLM figures look on a terminal? Tables that fold long names rather than pass its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.table import Table

__all__ = ["models_table", "recent_table", "stats_table"]

Answer = dict[str, Any]


def stats_table(summary: Answer) -> Table:
    """The totals, one a line."""
    read, written = summary["totalInputTokens"], summary["totalOutputTokens"]
    table = Table(box=None, pad_edge=False, show_header=False, title="LLM usage", title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("Total calls", f"{summary['totalCalls']:,}"),
        ("Total cost", _cost(summary["totalCostUsd"])),
        ("Total tokens", f"{read + written:,} ({read:,} in / {written:,} out)"),
        ("Avg latency", _latency(summary["avgLatencyMs"])),
        ("Avg cost/call", _cost(summary["avgCostPerCall"])),
    ):
        table.add_row(name, value)
    return table


def models_table(models: Sequence[Answer]) -> Table:
    """One model a line."""
    table = _table(("Provider", "Model"), ("Calls", "Tokens", "Cost", "Avg latency"))
    for row in models:
        table.add_row(
            row["provider"],
            row["model"],
            f"{row['calls']:,}",
            f"{row['inputTokens'] + row['outputTokens']:,}",
            _cost(row["costUsd"]),
            _latency(row["avgLatencyMs"]),
        )
    return table


def recent_table(events: Sequence[Answer]) -> Table:
    """One call a line."""
    table = _table(("Time", "Model"), ("Tokens", "Cost", "Latency"), ("Finish",))
    for event in events:
        payload = event["payload"]
        table.add_row(
            event["timestamp"][:19].replace("T", " "),
            payload["model"],
            f"{payload['usage']['totalTokens']:,}",
            _cost(payload["costUsd"]),
            _latency(payload["latencyMs"]),
            payload["finishReason"],
        )
    return table


def _table(names: Sequence[str], figures: Sequence[str], last: Sequence[str] = ()) -> Table:
    """Names fold where the terminal is narrow; figures never break."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold")
    for figure in figures:
        table.add_column(figure, justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, overflow="fold")
    return table


def _cost(dollars: float) -> str:
    return f"${dollars:,.4f}"


def _latency(milliseconds: float) -> str:
    return f"{math.floor(milliseconds + 0.5):,}ms"
