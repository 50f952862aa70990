"""Which columns does each datasource have? TrueFoundry's names, over the columns of the events table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tokentide.store.queries.call_columns import CACHE_COLUMNS, CALL_COLUMNS, IS_FAILURE, LATENCY, STATUS_CODE
from tokentide.store.queries.catalogue import (
    ARRAY_OPERATORS,
    ENUM_OPERATORS,
    NARROW_OPERATORS,
    TEXT_OPERATORS,
    Column,
    Datasource,
    Function,
    Measure,
    Operator,
    Unit,
    Values,
)

__all__ = ["DATASOURCES"]

_TEXT = Values.TEXT
_COUNTS = (Function.COUNT, Function.COUNT_DISTINCT)
_LISTED = (Operator.IN, Operator.NOT_IN)
_VIRTUAL_ACCOUNT = "if(subject_type = 'virtualaccount', subject_slug, NULL)"

_EVERYWHERE = (
    Column(
        "userEmail",
        "the user who made the call; null when it was a virtual account",
        _TEXT,
        "if(subject_type = 'user', subject_slug, NULL)",
        groups=True,
        operators=TEXT_OPERATORS,
        answers_as="createdBySubjectSlug",
    ),
    Column(
        "virtualaccount",
        "the virtual account that made the call; null when it was a user",
        _TEXT,
        _VIRTUAL_ACCOUNT,
        groups=True,
        answers_as="createdBySubjectSlug",
    ),
    Column("virtualAccount", "the same, to filter by", _TEXT, _VIRTUAL_ACCOUNT, operators=TEXT_OPERATORS),
    Column(
        "team",
        "the teams that the call counts for; grouped by, it counts in each of them",
        Values.TEXTS,
        "teams",
        groups=True,
        operators=ARRAY_OPERATORS,
    ),
    Column(
        "createdBySubjectType",
        "who made the call: user or virtualaccount",
        _TEXT,
        "subject_type",
        groups=True,
        operators=ENUM_OPERATORS,
    ),
    Column(
        "conversationID", "the conversation that the call belongs to", _TEXT, "session_id", operators=TEXT_OPERATORS
    ),
)

_MCP = (
    Column(
        "mcpServerName", "the MCP server", _TEXT, "mcp_server_name", _COUNTS, groups=True, operators=NARROW_OPERATORS
    ),
    Column("method", "the MCP method", _TEXT, "mcp_method", _COUNTS, groups=True, operators=NARROW_OPERATORS),
    Column(
        "toolName", "the tool that was called", _TEXT, "tool_name", _COUNTS, groups=True, operators=NARROW_OPERATORS
    ),
    STATUS_CODE,
    LATENCY,
)

_GUARDRAIL = (
    Column("guardrailName", "the guardrail", _TEXT, "guardrail_name", _COUNTS, groups=True, operators=NARROW_OPERATORS),
    Column("guardrailResult", "what it decided", _TEXT, "guardrail_result", groups=True, operators=NARROW_OPERATORS),
    Column(
        "appliedOnEntityScope",
        "what it was applied to",
        _TEXT,
        "applied_on_entity_scope",
        groups=True,
        operators=NARROW_OPERATORS,
    ),
    STATUS_CODE,
    IS_FAILURE,
    LATENCY,
)

_CONFIG = (
    Column(
        "targetModel",
        "the model that the rule chose",
        _TEXT,
        "target_model",
        (Function.COUNT_DISTINCT,),
        groups=True,
        operators=_LISTED,
    ),
    Column("requestedModel", "the model that was asked for", _TEXT, "requested_model", groups=True, operators=_LISTED),
    Column("configType", "the kind of the rule", _TEXT, "config_type", groups=True, operators=_LISTED),
    Column("status", "what became of the rule", _TEXT, "config_status", groups=True, operators=_LISTED),
    Column(
        "loadbalanceRuleId",
        "the rule that balanced the load",
        _TEXT,
        "loadbalance_rule_id",
        groups=True,
        operators=_LISTED,
    ),
    Column(
        "ratelimitRuleId", "the rule that limited the rate", _TEXT, "ratelimit_rule_id", groups=True, operators=_LISTED
    ),
    Column("budgetRuleId", "the rule that limited the cost", _TEXT, "budget_rule_id", groups=True, operators=_LISTED),
    Column(
        "loadbalanceTargetAttemptCount",
        "how many targets were tried",
        Values.NUMBER,
        "loadbalance_target_attempt_count",
        tuple(Function),
        measure=Measure(
            Unit.COUNT, "toUInt64(ifNull(loadbalance_target_attempt_count, 0))", "loadbalance_target_attempt_count"
        ),
    ),
)

_AGENT = (
    Column("agentName", "the agent", _TEXT, "agent_name", _COUNTS, groups=True, operators=NARROW_OPERATORS),
    Column(
        "agentFramework",
        "what it is built with",
        _TEXT,
        "agent_framework",
        _COUNTS,
        groups=True,
        operators=NARROW_OPERATORS,
    ),
    Column(
        "agentServerType",
        "what serves it",
        _TEXT,
        "agent_server_type",
        _COUNTS,
        groups=True,
        operators=NARROW_OPERATORS,
    ),
    STATUS_CODE,
    replace(IS_FAILURE, groups=True),
    LATENCY,
)

_LLM = "kind = 'llm'"

DATASOURCES: Mapping[str, Datasource] = {
    "modelMetrics": Datasource(
        "modelMetrics",
        "LLM calls; the rows of virtual models too, unless `virtualModelName` IS_NULL leaves them out",
        _LLM,
        (*CALL_COLUMNS, *_EVERYWHERE),
        held=True,
    ),
    "cacheMetrics": Datasource(
        "cacheMetrics",
        "LLM calls for which the gateway's cache was asked",
        f"{_LLM} AND cache_lookup_status IS NOT NULL",
        (*CALL_COLUMNS, *CACHE_COLUMNS, *_EVERYWHERE),
    ),
    "mcpMetrics": Datasource("mcpMetrics", "MCP calls", "kind = 'mcp'", (*_MCP, *_EVERYWHERE)),
    "guardrailMetrics": Datasource(
        "guardrailMetrics", "runs of guardrails", "kind = 'guardrail'", (*_GUARDRAIL, *_EVERYWHERE)
    ),
    "configMetrics": Datasource(
        "configMetrics", "rules that the gateway applied", "kind = 'config'", (*_CONFIG, *_EVERYWHERE)
    ),
    "agentMetrics": Datasource("agentMetrics", "requests to agents", "kind = 'agent'", (*_AGENT, *_EVERYWHERE)),
}
"""Every datasource, by its name."""
