"""What TrueFoundry's metrics query must answer, computed from raw events by brute force.

Slow and obvious on purpose: every figure of every group walks over all its events. Takes bodies that are valid, and
answers the list of data points. Money, durations and ratios are exact fractions until `compare` holds them against
printed numbers; few values answer with exactly one of themselves as a percentile, many by rank.
"""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.compare import Percentile, Rounded
from tests.oracle.log import millis

__all__ = ["DATASOURCES", "GROUPS", "NUMBERS", "OPERATORS", "asked_columns", "data_points", "filtered_columns"]

Event = dict[str, Any]
FEW = 128
MONDAY_MS = 4 * 86_400_000
UNIT_MS = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 7 * 86_400_000}


def is_llm(event: Event) -> bool:
    return field(event, "kind", "llm") == "llm"


DATASOURCES: dict[str, Callable[[Event], bool]] = {
    "modelMetrics": is_llm,
    "cacheMetrics": lambda event: is_llm(event) and field(event, "cache_lookup_status") is not None,
    "mcpMetrics": lambda event: field(event, "kind", "llm") == "mcp",
    "guardrailMetrics": lambda event: field(event, "kind", "llm") == "guardrail",
    "configMetrics": lambda event: field(event, "kind", "llm") == "config",
    "agentMetrics": lambda event: field(event, "kind", "llm") == "agent",
}

LLM = ("modelMetrics", "cacheMetrics")
TIMED = ("modelMetrics", "cacheMetrics", "mcpMetrics", "guardrailMetrics", "agentMetrics")
CACHE = ("cacheMetrics",)
ALL = tuple(DATASOURCES)

# name in a request → (field of the event, what an absent one means, its datasources)
TEXTS = {
    "modelName": ("model", None, LLM),
    "virtualModel": ("virtual_model", None, LLM),
    "virtualModelName": ("virtual_model", None, LLM),
    "providerModelName": ("provider_model_name", None, LLM),
    "providerAccountType": ("provider_account_type", None, LLM),
    "requestType": ("operation", "chat", LLM),
    "errorCode": ("error_code", None, LLM),
    "traceId": ("trace_id", None, LLM),
    "cacheType": ("cache_type", None, CACHE),
    "cacheNamespace": ("cache_namespace", None, CACHE),
    "cacheLookupStatus": ("cache_lookup_status", None, CACHE),
    "mcpServerName": ("mcp_server_name", None, ("mcpMetrics",)),
    "method": ("mcp_method", None, ("mcpMetrics",)),
    "toolName": ("tool_name", None, ("mcpMetrics",)),
    "guardrailName": ("guardrail_name", None, ("guardrailMetrics",)),
    "guardrailResult": ("guardrail_result", None, ("guardrailMetrics",)),
    "appliedOnEntityScope": ("applied_on_entity_scope", None, ("guardrailMetrics",)),
    "targetModel": ("target_model", None, ("configMetrics",)),
    "requestedModel": ("requested_model", None, ("configMetrics",)),
    "configType": ("config_type", None, ("configMetrics",)),
    "status": ("config_status", None, ("configMetrics",)),
    "loadbalanceRuleId": ("loadbalance_rule_id", None, ("configMetrics",)),
    "ratelimitRuleId": ("ratelimit_rule_id", None, ("configMetrics",)),
    "budgetRuleId": ("budget_rule_id", None, ("configMetrics",)),
    "agentName": ("agent_name", None, ("agentMetrics",)),
    "agentFramework": ("agent_framework", None, ("agentMetrics",)),
    "agentServerType": ("agent_server_type", None, ("agentMetrics",)),
    "createdBySubjectType": ("subject_type", None, ALL),
    "conversationID": ("session_id", None, ALL),
}
# name → (field, what an absent one means, decimals of its average, of its sum, of a percentile, its datasources)
NUMBERS = {
    "costInUSD": ("cost_usd", 0, 6, 6, LLM),
    "inputTokens": ("input_tokens", 0, 6, 0, LLM),
    "outputTokens": ("output_tokens", 0, 6, 0, LLM),
    "latencyMs": ("latency_ms", None, 3, 3, TIMED),
    "timeToFirstTokenMs": ("ttft_ms", None, 3, 3, LLM),
    "interTokenLatencyMs": ("inter_token_latency_ms", None, 3, 3, LLM),
    "timePerOutputTokenLatencyMs": ("time_per_output_token_ms", None, 3, 3, LLM),
    "potentialCostSavings": ("potential_cost_savings", None, 6, 6, CACHE),
    "cacheReadInputTokens": ("cached_tokens", 0, 6, 0, CACHE),
    "cacheCreationInputTokens": ("cache_write_tokens", 0, 6, 0, CACHE),
    "cacheLookupLatencyMs": ("cache_lookup_latency_ms", None, 3, 3, CACHE),
    "loadbalanceTargetAttemptCount": ("loadbalance_target_attempt_count", None, 6, 0, ("configMetrics",)),
}
COUNTED_AND_DISTINCT = {
    *("modelName", "virtualModel", "providerModelName", "mcpServerName", "method", "toolName", "guardrailName"),
    *("agentName", "agentFramework", "agentServerType"),
}
GROUPS = {
    **{name: where for name, (_, _, where) in TEXTS.items() if name not in {"virtualModelName", "traceId"}},
    "userEmail": ALL,
    "virtualaccount": ALL,
    "team": ALL,
    "isFailure": ("agentMetrics",),
}
del GROUPS["conversationID"]

EQUALS = ["EQUAL", "NOT_EQUAL"]
LISTS = ["IN", "NOT_IN"]
LIKE = [f"STRING_{no}{how}" for how in ("CONTAINS", "STARTS_WITH", "ENDS_WITH") for no in ("", "NOT_")]
STRING = EQUALS + LISTS + LIKE
NARROW = [*LISTS, "STRING_CONTAINS", "STRING_STARTS_WITH", "STRING_ENDS_WITH"]
ORDER = ["GREATER_THAN", "GREATER_THAN_EQUAL", "LESS_THAN", "LESS_THAN_EQUAL", "BETWEEN", "IS_NULL"]
OPERATORS: dict[str, list[str]] = {
    **dict.fromkeys(("modelName", "providerModelName", "requestType", "errorCode"), STRING),
    "virtualModelName": [*STRING, "IS_NULL"],
    **dict.fromkeys(("providerAccountType", "createdBySubjectType"), EQUALS + LISTS),
    "traceId": ["EQUAL", "IN"],
    "cacheType": LISTS,
    **dict.fromkeys(("cacheNamespace", "cacheLookupStatus", "userEmail", "virtualAccount", "conversationID"), STRING),
    **dict.fromkeys(("mcpServerName", "method", "toolName"), NARROW),
    **dict.fromkeys(("guardrailName", "guardrailResult", "appliedOnEntityScope"), NARROW),
    **dict.fromkeys(("agentName", "agentFramework", "agentServerType"), NARROW),
    **dict.fromkeys(("targetModel", "requestedModel", "configType", "status"), LISTS),
    **dict.fromkeys(("loadbalanceRuleId", "ratelimitRuleId", "budgetRuleId"), LISTS),
    **dict.fromkeys(("inputTokens", "outputTokens", "latencyMs", "httpStatusCode"), EQUALS + LISTS + ORDER),
    **dict.fromkeys(("cacheReadInputTokens", "cacheCreationInputTokens"), EQUALS + LISTS + ORDER),
    "isFailure": ["EQUAL"],
    "team": ["ARRAY_HAS_ANY", "ARRAY_HAS_NONE"],
    "metadata": [*STRING, "IS_NULL"],
}
"""Which operators a column has, in every datasource that has the column; `metadata` stands for any of its keys."""

EVERY_FUNCTION = ("sum", "count", "countDistinct", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99")


def asked_columns(datasource: str) -> dict[str, list[str]]:
    """Which columns of a datasource aggregate, and how."""
    found = {name: list(EVERY_FUNCTION) for name, entry in NUMBERS.items() if datasource in entry[-1]}
    for name in COUNTED_AND_DISTINCT:
        if datasource in TEXTS[name][-1]:
            found[name] = ["count", "countDistinct"]
    if datasource in LLM:
        found["errorCode"] = ["count"]
    if datasource == "configMetrics":
        found["targetModel"] = ["countDistinct"]
    return found


def filtered_columns(datasource: str) -> list[str]:
    """Which columns of a datasource filter."""
    own = {
        "inputTokens": LLM,
        "outputTokens": LLM,
        "latencyMs": TIMED,
        "httpStatusCode": TIMED,
        "isFailure": (*LLM, "guardrailMetrics", "agentMetrics"),
        "cacheReadInputTokens": CACHE,
        "cacheCreationInputTokens": CACHE,
        **{name: TEXTS[name][-1] for name in OPERATORS if name in TEXTS},
    }
    return [name for name in OPERATORS if datasource in own.get(name, ALL)]


def field(event: Event, name: str, absent: Any = None) -> Any:
    """A field of an event; null is absent."""
    value = event.get(name)
    return absent if value is None else value


def value_of(event: Event, name: str) -> Any:
    """What an event has in a column; None for nothing. Numbers are exact."""
    if name in NUMBERS:
        source, absent = NUMBERS[name][:2]
        value = field(event, source, absent)
        exact = None if value is None else Fraction(Decimal(str(value)))
        return round(exact, 9) if source in {"cost_usd", "potential_cost_savings"} and exact is not None else exact
    if name == "httpStatusCode":
        return field(event, "http_status")
    if name == "isFailure":
        return event["status"] != "success"
    if name in {"userEmail", "virtualaccount", "virtualAccount"}:
        of_type = "user" if name == "userEmail" else "virtualaccount"
        return field(event, "subject_slug") if field(event, "subject_type") == of_type else None
    if name.startswith("metadata."):
        labels = {**field(event, "metadata", {}), **field(event, "tags", {})}
        label = labels.get(name.removeprefix("metadata."))
        return label if label is None or isinstance(label, str) else json.dumps(label)
    source, absent, _ = TEXTS[name]
    return field(event, source, absent)


def data_points(body: dict[str, Any], events: Iterable[Event]) -> list[dict[str, Any]]:
    """The data points of a valid body over the events that the caller may see, each of which counts once."""
    start, end = moment_ms(body["startTs"]), moment_ms(body["endTs"])
    counted = [
        event
        for event in events
        if start <= millis(event["timestamp"]) < end
        and DATASOURCES[body["datasource"]](event)
        and all(passes(event, one) for one in body.get("filters", []))
    ]
    groups = list(dict.fromkeys(body.get("groupBy", [])))
    rows: dict[tuple[Any, ...], list[Event]] = {}
    if not groups and body["type"] == "distribution":
        rows[None,] = []
    for event in counted:
        for key in keys(event, groups):
            rows.setdefault((bucket(body, event), *key), []).append(event)
    ordered = sorted(rows.items(), key=lambda row: (row[0][0] or 0, -len(row[1]), *map(null_last, row[0][1:])))
    return [point(body, groups, key, its) for key, its in ordered]


def null_last(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def keys(event: Event, groups: list[str]) -> Iterator[tuple[Any, ...]]:
    """The groups that an event belongs to: one for each of its teams."""
    if "team" not in groups:
        yield tuple(value_of(event, name) for name in groups)
        return
    for team in sorted(set(field(event, "teams", []))) or [None]:
        yield tuple(team if name == "team" else value_of(event, name) for name in groups)


def point(body: dict[str, Any], groups: list[str], key: tuple[Any, ...], events: list[Event]) -> dict[str, Any]:
    row: dict[str, Any] = {"total": len(events)}
    if body["type"] == "timeseries":
        row["startTimestamp"], row["endTimestamp"] = written(key[0]), written(next_bucket(body, key[0]))
    for name, value in zip(groups, key[1:], strict=True):
        row["createdBySubjectSlug" if name in {"userEmail", "virtualaccount"} else name] = value
    for one in body.get("aggregations", []):
        column = one["column"]
        values = [value for event in events if (value := value_of(event, column)) is not None]
        row[one["type"] + column[0].upper() + column[1:]] = figure(one["type"], column, values)
    return row


def figure(function: str, column: str, values: list[Any]) -> Any:
    if function in {"count", "countDistinct"}:
        return len(values if function == "count" else set(values))
    places = NUMBERS[column][3]
    if function == "sum":
        return whole_or_rounded(sum(values, Fraction(0)), places)
    return of_some(function, column, values) if values else None


def of_some(function: str, column: str, values: list[Any]) -> Any:
    _, _, of_average, places, _ = NUMBERS[column]
    if function == "avg":
        return Rounded(sum(values) / len(values), of_average)
    if function in {"min", "max"}:
        return whole_or_rounded(min(values) if function == "min" else max(values), places)
    percent = int(function[1:])
    if len(values) > FEW:
        return Percentile(values, percent)
    return Rounded(sorted(values)[-(-percent * len(values) // 100) - 1], max(places, 3))


def whole_or_rounded(value: Fraction, places: int) -> Any:
    return Rounded(value, places) if places else int(value)


def passes(event: Event, one: dict[str, Any]) -> bool:
    """Whether an event meets a filter."""
    operator, wanted = one["operator"], one["value"]
    name = one["fieldName"] if "fieldName" in one else "metadata." + one["metadataKey"]
    if operator.startswith("ARRAY_"):
        return bool(set(field(event, "teams", [])) & set(wanted)) == (operator == "ARRAY_HAS_ANY")
    value = value_of(event, name)
    if operator == "IS_NULL":
        return (value is None) == wanted
    if "NOT_" in operator:
        return value is None or not meets(value, operator.replace("NOT_", ""), wanted)
    return value is not None and meets(value, operator, wanted)


def meets(value: Any, operator: str, wanted: Any) -> bool:
    if isinstance(value, Fraction):
        value = float(value)
    return {
        "EQUAL": lambda: value == wanted,
        "IN": lambda: value in wanted,
        "STRING_CONTAINS": lambda: wanted in value,
        "STRING_STARTS_WITH": lambda: value.startswith(wanted),
        "STRING_ENDS_WITH": lambda: value.endswith(wanted),
        "GREATER_THAN": lambda: value > wanted,
        "GREATER_THAN_EQUAL": lambda: value >= wanted,
        "LESS_THAN": lambda: value < wanted,
        "LESS_THAN_EQUAL": lambda: value <= wanted,
        "BETWEEN": lambda: wanted[0] <= value <= wanted[1],
    }[operator]()


def bucket(body: dict[str, Any], event: Event) -> int | None:
    """The start of the bucket that an event falls into, in milliseconds; None without buckets."""
    if body["type"] != "timeseries":
        return None
    at = millis(event["timestamp"])
    count, unit = interval(body)
    if unit in {"month", "year"}:
        year, month = time.gmtime(at // 1000)[:2]
        return first_of((year - 1970) * 12 + month - 1, count * (12 if unit == "year" else 1))
    length, origin = count * UNIT_MS[unit], MONDAY_MS if unit == "week" else 0
    return (at - origin) // length * length + origin


def next_bucket(body: dict[str, Any], start: int) -> int:
    count, unit = interval(body)
    if unit in {"month", "year"}:
        year, month = time.gmtime(start // 1000)[:2]
        months = count * (12 if unit == "year" else 1)
        return first_of((year - 1970) * 12 + month - 1 + months, months)
    return start + count * UNIT_MS[unit]


def first_of(month: int, months: int) -> int:
    """The first moment of the run of so many months, counted from January 1970, that holds a month."""
    year, rest = divmod(month - month % months, 12)
    return calendar.timegm((1970 + year, rest + 1, 1, 0, 0, 0)) * 1000


def interval(body: dict[str, Any]) -> tuple[int, str]:
    if "interval" not in body:
        return body["intervalInSeconds"], "second"
    count, unit = body["interval"].split()
    return int(count), unit.lower().removesuffix("s")


def moment_ms(text: str) -> int:
    """Milliseconds since the epoch of a time in a body."""
    return millis(text if len(text) > len("2026-01-01") else f"{text}T00:00:00Z")


def written(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03}Z"
