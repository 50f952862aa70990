"""What AgentLens' two endpoints must answer, computed from raw events by brute force.

Slow and obvious on purpose, as in `lumiqtrace`. A window is [start, end] in milliseconds since the epoch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from tests.oracle.compare import Rounded
from tests.oracle.log import Call

__all__ = ["analytics", "newest"]

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
FAILED = ("error", "timeout", "rate_limited")

Answer = dict[str, Any]


def analytics(
    every: Iterable[Call], projects: Sequence[str], start: int, end: int, granularity: str = "hour", **only: str
) -> Answer:
    """GET /api/analytics/llm; `only` is agent_id, model or provider."""
    window = [call for call in every if call.project in projects and start <= call.ms <= end and _fits(call, only)]
    models = sorted({(call.raw["provider"], call.raw["model"]) for call in window})
    models.sort(key=lambda name: -_cost([call for call in window if _model(call) == name]))
    buckets = sorted({_bucket(call.ms, granularity) for call in window})
    return {
        "summary": {
            "totalCalls": len(window),
            "totalCostUsd": Rounded(_cost(window), 6),
            "totalInputTokens": sum(call.read for call in window),
            "totalOutputTokens": sum(call.written for call in window),
            "avgLatencyMs": _mean([call.latency for call in window], 3),
            "avgCostPerCall": _mean([call.cost for call in window], 6),
        },
        "byModel": [
            {
                "provider": provider,
                "model": model,
                **_usage([call for call in window if _model(call) == (provider, model)]),
            }
            for provider, model in models
        ],
        "byTime": [
            {
                "bucket": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(bucket // 1000)),
                **_usage([call for call in window if _bucket(call.ms, granularity) == bucket]),
            }
            for bucket in buckets
        ],
    }


def newest(every: Iterable[Call], projects: Sequence[str], start: int, end: int, limit: int, **only: str) -> Answer:
    """GET /api/events?eventType=llm_response&order=desc, without each event's hash."""
    window = [call for call in every if call.project in projects and start <= call.ms <= end and _fits(call, only)]
    window.sort(key=lambda call: (-call.ms, call.event_id))
    return {
        "events": [_event(call) for call in window[:limit]],
        "total": len(window),
        "hasMore": len(window) > limit,
    }


def _event(call: Call) -> Answer:
    raw = call.raw
    own_words = "stop" if call.status == "success" else call.status
    payload = {
        "callId": call.event_id,
        "provider": raw["provider"],
        "model": raw["model"],
        "completion": None,
        "finishReason": raw.get("finish_reason") or own_words,
        "usage": {
            "inputTokens": call.read,
            "outputTokens": call.written,
            "totalTokens": call.read + call.written,
            "thinkingTokens": raw.get("reasoning_tokens", 0),
            "cacheReadTokens": call.cached,
            "cacheWriteTokens": raw.get("cache_write_tokens", 0),
        },
        "costUsd": Rounded(call.cost, 6),
        "latencyMs": Rounded(call.latency, 3),
        "status": call.status,
    }
    return {
        "id": call.event_id,
        "timestamp": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(call.ms // 1000))}.{call.ms % 1000:03}Z",
        "sessionId": raw.get("session_id") or "",
        "agentId": raw.get("agent_id") or "",
        "eventType": "llm_response",
        "severity": "error" if call.status in FAILED else "info",
        "payload": payload if call.code is None else payload | {"errorCode": call.code},
        "metadata": {},
        "prevHash": None,
    }


def _fits(call: Call, only: dict[str, str]) -> bool:
    return all((call.raw.get(name) or "") == value for name, value in only.items())


def _model(call: Call) -> tuple[str, str]:
    return call.raw["provider"], call.raw["model"]


def _bucket(ms: int, granularity: str) -> int:
    if granularity == "hour":
        return ms // HOUR_MS * HOUR_MS
    midnight = ms // DAY_MS * DAY_MS
    return midnight if granularity == "day" else midnight - time.gmtime(midnight // 1000).tm_wday * DAY_MS


def _usage(some: list[Call]) -> Answer:
    return {
        "calls": len(some),
        "costUsd": Rounded(_cost(some), 6),
        "inputTokens": sum(call.read for call in some),
        "outputTokens": sum(call.written for call in some),
        "avgLatencyMs": _mean([call.latency for call in some], 3),
    }


def _cost(some: list[Call]) -> Fraction:
    return sum((call.cost for call in some), Fraction(0))


def _mean(values: list[Fraction], places: int) -> Rounded:
    return Rounded(sum(values) / len(values) if values else Fraction(0), places)
