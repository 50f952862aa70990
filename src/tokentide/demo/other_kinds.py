"""What the made-up events look like that are no LLM calls: tool calls, guardrail runs, gateway rules, agents."""

from __future__ import annotations

from random import Random
from typing import Any

from tokentide.demo.calls import identity
from tokentide.demo.catalogue import AGENTS, CONFIG_TYPES, GUARDRAILS, MCP_TOOLS, MODELS
from tokentide.demo.chance import happens, pick, spread

__all__ = ["other_kind"]

Event = dict[str, Any]

_KINDS = spread((("mcp", 40), ("guardrail", 30), ("config", 18), ("agent", 12)))
_CONFIG_TYPES = spread(CONFIG_TYPES)


def other_kind(rng: Random, project_id: str, timestamp: str) -> Event:
    """One event of another kind than llm."""
    event = identity(rng, project_id, timestamp)
    event["kind"] = kind = pick(rng, _KINDS)
    failed = happens(rng, 0.03)
    event["status"] = "error" if failed else "success"
    event["http_status"] = 502 if failed else 200
    event["latency_ms"] = round(rng.lognormvariate(4.2, 0.8), 3)
    _DETAILS[kind](rng, event)
    return event


def _tool_call(rng: Random, event: Event) -> None:
    server, tool = rng.choice(MCP_TOOLS)
    event |= {"operation": "tool", "mcp_server_name": server, "mcp_method": "tools/call", "tool_name": tool}


def _guardrail_run(rng: Random, event: Event) -> None:
    name, scope = rng.choice(GUARDRAILS)
    verdict = "deny" if happens(rng, 0.06) else "allow"
    event |= {"guardrail_name": name, "guardrail_result": verdict, "applied_on_entity_scope": scope}


def _rule(rng: Random, event: Event) -> None:
    rule = pick(rng, _CONFIG_TYPES)
    event |= {"config_type": rule, "config_status": "applied", f"{rule}_rule_id": f"{rule}-{rng.randint(1, 3)}"}
    if rule == "loadbalance":
        target = rng.choice(MODELS).name
        event |= {"requested_model": "assistants/chat", "target_model": target, "loadbalance_target_attempt_count": 1}


def _agent_request(rng: Random, event: Event) -> None:
    agent = rng.choice(AGENTS)
    event |= {"operation": "agent", "agent_id": agent.id, "agent_name": agent.name}
    event |= {"agent_framework": agent.framework, "agent_server_type": agent.server_type}


_DETAILS = {"mcp": _tool_call, "guardrail": _guardrail_run, "config": _rule, "agent": _agent_request}
