"""What does the performance report ask the store, and how do the rows become the answer?"""

from __future__ import annotations

from tokentide.api.engine import Rows
from tokentide.api.lumiqtrace.models import Percentiles, Performance
from tokentide.api.printed import milliseconds, quantile_ms, rounded, share
from tokentide.store.queries.sources import LATENCY_SOURCE, USAGE_SOURCE
from tokentide.store.queries.totals import Question, Scope, quantiles, totals

__all__ = ["asked", "shaped"]

_LEVELS = (0.5, 0.9, 0.99)
_MICROS_PER_SECOND = 1_000_000


def asked(scope: Scope) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows."""
    measures = ("requests", "timeout", "ttft_us", "ttft_count", "output_tokens", "latency_us")
    return [
        totals("performance_totals", USAGE_SOURCE, scope, measures),
        quantiles("performance_latency", LATENCY_SOURCE, scope, "latency", levels=_LEVELS),
    ]


def shaped(sums: Rows, latency: Rows) -> Performance:
    """The answer.

    Args:
        sums: one row (requests, timeout, ttft_us, ttft_count, output_tokens, latency_us).
        latency: one row ([p50, p90, p99] in milliseconds).
    """
    requests, timeouts, ttft_us, ttft_count, output_tokens, latency_us = sums[0]
    p50, p90, p99 = (quantile_ms(value) for value in latency[0][0])
    return Performance(
        latency_percentiles=Percentiles(p50=p50, p90=p90, p99=p99),
        avg_ttft=milliseconds(ttft_us, ttft_count),
        tokens_per_sec=rounded(output_tokens * _MICROS_PER_SECOND, latency_us, 3),
        timeout_rate=share(timeouts, requests),
    )
