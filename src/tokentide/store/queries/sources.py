"""What does one row of the events table count as, in each rollup?

The fold decides this when it makes the rollups (`tokentide.rollups.meaning`); the same decisions stand here in SQL, for
the edges of windows that no whole bucket covers. A test folds events and asks both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokentide.rollups.tables import ERRORS, FAILURE_MODES, LATENCY, PROVIDER_HEALTH, RATE_LIMITS, USAGE, Table

__all__ = [
    "CONCRETE_CALL",
    "ERROR_CODE",
    "ERROR_SOURCE",
    "FAILURE_MODE",
    "HEALTH_SOURCE",
    "LATENCY_SOURCE",
    "RATE_LIMIT_SOURCE",
    "USAGE_SOURCE",
    "Source",
]


@dataclass(frozen=True, slots=True)
class Source:
    """A rollup, and how the events table says the same.

    Attributes:
        table: the rollup.
        counted: condition on an event: whether the rollup counts it.
        of_event: column of the rollup → its expression over an event, of the same type.
    """

    table: Table
    counted: str
    of_event: Mapping[str, str]


CONCRETE_CALL = "kind = 'llm' AND virtual_model IS NULL"
_FAILED = "status IN ('error', 'timeout', 'rate_limited')"
_IS_FAILURE = f"(failure_mode IS NOT NULL OR {_FAILED})"
FAILURE_MODE = (
    f"multiIf(failure_mode IS NOT NULL, failure_mode, NOT {_FAILED}, NULL, finish_reason = 'length', 'incomplete', "
    "finish_reason = 'content_filter', 'refusal', validation_passed = false, 'format_violation', 'provider_error')"
)
_ROUTED_RIGHT = (
    "multiIf(routing_correct IS NOT NULL, routing_correct, "
    f"model = requested_model AND NOT fallback_used AND NOT {_IS_FAILURE})"
)
ERROR_CODE = "toLowCardinality(ifNull(error_code, if(status = 'error', 'unknown', status)))"
_STREAMED = "(stream AND ttft_ms IS NOT NULL)"


def _count(condition: str) -> str:
    return f"CAST(ifNull({condition}, false), 'UInt64')"


def _sum(column: str) -> str:
    return f"ifNull(toFloat64({column}), 0)"


_MODEL = {"provider": "assumeNotNull(provider)", "model": "assumeNotNull(model)"}
_STATUSES = {
    status: _count(f"status = '{status}'") for status in ("success", "error", "timeout", "rate_limited", "cancelled")
}
_TOKENS = {
    f"{kind}_tokens": f"toUInt64({kind}_tokens)" for kind in ("input", "output", "cached", "cache_write", "reasoning")
}

USAGE_SOURCE = Source(
    USAGE,
    CONCRETE_CALL,
    {
        **_MODEL,
        "agent_id": "ifNull(agent_id, '')",
        "task_type": "ifNull(task_type, '')",
        "requests": "toUInt64(1)",
        **_STATUSES,
        **_TOKENS,
        "cost_nanos": "reinterpret(cost_usd, 'UInt64')",
        "latency_us": "toUInt64(round(latency_ms * 1000))",
        "latency_us_max": "toUInt64(round(latency_ms * 1000))",
        "ttft_us": "toUInt64(ifNull(round(if(stream, ttft_ms, NULL) * 1000), 0))",
        "ttft_count": _count(_STREAMED),
        "quality_sum": _sum("quality_score"),
        "quality_count": _count("quality_score IS NOT NULL"),
        "complexity_sum": _sum("complexity"),
        "complexity_count": _count("complexity IS NOT NULL"),
        "failures": _count(_IS_FAILURE),
        **{f"failed_{mode}": _count(f"{FAILURE_MODE} = '{mode}'") for mode in FAILURE_MODES},
        "recovered_by_retry": _count(f"{_IS_FAILURE} AND recovered_by = 'retry'"),
        "recovered_by_fallback": _count(f"{_IS_FAILURE} AND recovered_by = 'fallback'"),
        "fallbacks": _count("fallback_used"),
        "retried": _count("retry_count > 0"),
        "ceiling_hits": _count("cost_ceiling_hit OR ifNull(cost_usd > cost_ceiling_usd, false)"),
        "routing_verdicts": _count("routing_correct IS NOT NULL OR requested_model IS NOT NULL"),
        "routing_correct": _count(_ROUTED_RIGHT),
        "pinned": _count("model_pinned"),
    },
)
LATENCY_SOURCE = Source(
    LATENCY,
    CONCRETE_CALL,
    {
        **_MODEL,
        "latency_means": "[toFloat32(latency_ms)]",
        "latency_weights": "[toUInt32(1)]",
        "ttft_means": f"if({_STREAMED}, [toFloat32(assumeNotNull(ttft_ms))], emptyArrayFloat32())",
        "ttft_weights": f"if({_STREAMED}, [toUInt32(1)], emptyArrayUInt32())",
    },
)
ERROR_SOURCE = Source(
    ERRORS,
    f"{CONCRETE_CALL} AND {_FAILED}",
    {**_MODEL, "error_code": ERROR_CODE, "errors": "toUInt64(1)"},
)
RATE_LIMIT_SOURCE = Source(
    RATE_LIMITS,
    f"{CONCRETE_CALL} AND status = 'rate_limited'",
    {**_MODEL, "rate_limited": "toUInt64(1)"},
)
HEALTH_SOURCE = Source(
    PROVIDER_HEALTH,
    CONCRETE_CALL,
    {
        "provider": "assumeNotNull(provider)",
        "requests": "toUInt64(1)",
        "errors": _count("status IN ('error', 'timeout')"),
        "rate_limited": _count("status = 'rate_limited'"),
        "latency_us": "toUInt64(round(latency_ms * 1000))",
    },
)
