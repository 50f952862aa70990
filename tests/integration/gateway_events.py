"""Made-up events of every kind, with every field that a metrics query can ask about, and hostile texts in them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

from tests.builders import rfc3339

__all__ = ["END_MS", "HOSTILE", "KEYS", "START_MS", "gateway_events"]

START_MS = 1_793_145_600_000  # 2026-10-28T00:00:00Z, a Wednesday
END_MS = 1_793_577_600_000  # 2026-11-02T00:00:00Z
HOUR_MS = 3_600_000

HOSTILE = (
    "'; DROP TABLE events; --",
    "a'b",
    'a"b',
    "back\\slash",
    "\\N",
    "100%",
    "under_score",
    "tab\there",
    "line\nbreak",
    "nul\x00byte",
    "{x:String}",
    "%(x)s",
    "/* comment */",
    "`model`",
    "naïve 日本語 😀",
    "\u2028",
    "",
    " ",
)
"""Texts that must be nothing but data, wherever they stand."""

KEYS = ("environment", "feature", "a.b", "it's", "%", "\\", "日本", "not there")

_TEXTS = ("alpha", "Alpha", "alphabet", "beta", "alp_a", *HOSTILE)


def gateway_events(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Events of two projects of one organisation and one of another."""
    rng = Random(seed)
    for _ in range(count):
        yield _event(rng)


def _event(rng: Random) -> dict[str, Any]:
    kind = rng.choice(["llm"] * 12 + ["mcp", "mcp", "guardrail", "config", "agent"])
    status = rng.choice(["success"] * 5 + ["error", "timeout", "rate_limited", "cancelled"])
    read = rng.randrange(5000)
    event = {
        "event_id": str(UUID(int=rng.getrandbits(128))),
        "project_id": rng.choice(["p", "p", "q", "theirs"]),
        "timestamp": rfc3339(_moment_ms(rng)),
        "kind": kind,
        "status": status,
        "latency_ms": _milliseconds(rng),
        "input_tokens": read,
        "output_tokens": rng.randrange(900),
        "cost_usd": rng.choice([round(rng.random(), 9), "0.000000001", "1234.123456789", 0]),
    }
    return event | _sometimes(rng, _of_anyone(rng, read)) | _OF_KIND[kind](rng)


def _moment_ms(rng: Random) -> int:
    """Any moment, and often one on or beside the border of an hour."""
    if rng.random() < 0.3:
        hours = (END_MS - START_MS) // HOUR_MS
        return START_MS + rng.randrange(1, hours) * HOUR_MS + rng.choice([-1, 0, 1])
    return rng.randrange(START_MS, END_MS)


def _milliseconds(rng: Random) -> float:
    return rng.choice([0, 2.5, round(rng.random() * 9000, 3), round(rng.lognormvariate(5, 1.2), 3)])


def _sometimes(rng: Random, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if rng.random() < 0.6}


def _of_anyone(rng: Random, read: int) -> dict[str, Any]:
    return {
        "error_code": rng.choice(["overloaded", "429", *HOSTILE[:3]]),
        "http_status": rng.choice([200, 200, 429, 500, 0, 999]),
        "subject_slug": rng.choice(["ann@example.com", "bob@example.com", "robot", *HOSTILE[:8]]),
        "subject_type": rng.choice(["user", "virtualaccount"]),
        "teams": rng.choice([[], ["red"], ["red", "blue"], ["blue", "blue"], [rng.choice(HOSTILE), "green"]]),
        "session_id": rng.choice(_TEXTS),
        "trace_id": rng.choice(_TEXTS),
        "metadata": {key: rng.choice([*_TEXTS, 7, True]) for key in KEYS[:-1] if rng.random() < 0.5},
        "tags": {"feature": rng.choice(_TEXTS)},
        "cached_tokens": read // 2,
        "cache_write_tokens": rng.randrange(50),
    }


def _llm(rng: Random) -> dict[str, Any]:
    required = {"provider": rng.choice(["openai", "anthropic"]), "model": rng.choice([*_TEXTS[:6], "it's"])}
    return required | _sometimes(
        rng,
        {
            "virtual_model": rng.choice([None, None, None, "best", "cheap", *HOSTILE[:2]]),
            "provider_model_name": rng.choice(_TEXTS),
            "provider_account_type": rng.choice(["api-key", "oauth", ""]),
            "operation": rng.choice(["chat", "embed", "rerank", "custom"]),
            "stream": rng.random() < 0.5,
            "ttft_ms": _milliseconds(rng),
            "inter_token_latency_ms": _milliseconds(rng),
            "time_per_output_token_ms": _milliseconds(rng),
            "cache_lookup_status": rng.choice(["hit", "miss", "error"]),
            "cache_type": rng.choice(["semantic", "exact"]),
            "cache_namespace": rng.choice(_TEXTS),
            "cache_lookup_latency_ms": _milliseconds(rng),
            "potential_cost_savings": rng.choice([round(rng.random(), 9), "0.5", 0]),
        },
    )


def _mcp(rng: Random) -> dict[str, Any]:
    required = {"mcp_server_name": rng.choice(_TEXTS), "mcp_method": rng.choice(["tools/call", "tools/list"])}
    return required | _sometimes(rng, {"tool_name": rng.choice(_TEXTS)})


def _guardrail(rng: Random) -> dict[str, Any]:
    optional = {
        "guardrail_result": rng.choice(["pass", "flag", "deny"]),
        "applied_on_entity_scope": rng.choice(["model", "mcp"]),
    }
    return {"guardrail_name": rng.choice(_TEXTS)} | _sometimes(rng, optional)


def _config(rng: Random) -> dict[str, Any]:
    optional = {
        "config_status": rng.choice(["applied", "skipped"]),
        "target_model": rng.choice(_TEXTS),
        "requested_model": rng.choice(_TEXTS),
        "loadbalance_rule_id": rng.choice(["l1", "l2"]),
        "ratelimit_rule_id": rng.choice(["r1", "r2"]),
        "budget_rule_id": rng.choice(["b1", "b2"]),
        "loadbalance_target_attempt_count": rng.randrange(4),
    }
    return {"config_type": rng.choice(["loadbalance", "ratelimit", "budget"])} | _sometimes(rng, optional)


def _agent(rng: Random) -> dict[str, Any]:
    return _sometimes(
        rng,
        {
            "agent_name": rng.choice(_TEXTS),
            "agent_framework": rng.choice(["langgraph", "crewai"]),
            "agent_server_type": rng.choice(["a2a", "http"]),
        },
    )


_OF_KIND = {"llm": _llm, "mcp": _mcp, "guardrail": _guardrail, "config": _config, "agent": _agent}
