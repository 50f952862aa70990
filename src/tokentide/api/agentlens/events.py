"""What does the list of events ask the store, and how do the rows become the answer?

A call that is kept here is what AgentLens calls the event `llm_response`; there are no other types of events, and a
page of those is empty. Prompts and completions are not kept, so that the payload has none and nothing can be searched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokentide.api.agentlens.models import Event, Events
from tokentide.api.engine import Rows
from tokentide.api.printed import dollars
from tokentide.api.times import iso_millis
from tokentide.errors import QueryError
from tokentide.store.queries.calls import Order, calls_counted, recent_calls
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import Question, Scope, totals

__all__ = ["Page", "asked", "read_page", "shaped"]

_TYPE = "llm_response"
_DEFAULT_LIMIT = 50
_MOST = 500
_FARTHEST = 1_000_000
_FAILED = frozenset({"error", "timeout", "rate_limited"})


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of the list is asked for.

    Attributes:
        failed: only calls of severity error, or only those of severity info; None for both.
        order: by time.
        limit: most events on it.
        offset: how many come before it.
        is_empty: whether its filters leave nothing over.
    """

    failed: bool | None
    order: Order
    limit: int
    offset: int
    is_empty: bool


def read_page(
    types: str | None, severities: str | None, order: str | None, limit: str | None, offset: str | None
) -> Page:
    """The page of a request, as AgentLens reads it: lists with commas, and a limit of at most 500.

    Raises:
        QueryError: naming the parameter that makes no sense.
    """
    wanted = {"error", "info"} & set(severities.split(",")) if severities else {"error", "info"}
    return Page(
        failed=None if len(wanted) != 1 else "error" in wanted,
        order=_order(order),
        limit=min(_number(limit, "limit", 1, _DEFAULT_LIMIT), _MOST),
        offset=_number(offset, "offset", 0, 0),
        is_empty=not wanted or (bool(types) and _TYPE not in str(types).split(",")),
    )


def asked(scope: Scope, page: Page) -> list[Question]:
    """The questions, in the order in which `shaped` takes their rows: the page, and how many there are.

    Rollups count the calls where the filters are theirs; only sessions and severities are for the events to count.
    """
    if "session_id" in scope.only or page.failed is not None:
        counted = calls_counted(scope, failed=page.failed)
    else:
        counted = totals("calls_counted", USAGE_SOURCE, scope, ("requests",))
    return [
        recent_calls(scope, failed=page.failed, order=page.order, limit=page.limit, offset=page.offset),
        counted,
    ]


def shaped(page: Page, calls: Rows = (), counted: Rows = ((0,),)) -> Events:
    """The answer.

    Args:
        page: what was asked.
        calls: rows of `recent_calls`.
        counted: one row (calls on all pages).
    """
    total = max(counted[0][0], page.offset + len(calls) if calls else 0)  # a call may come in between the two
    return Events(
        events=[_event(row) for row in calls], total=total, has_more=page.offset + len(calls) < total and bool(calls)
    )


def _event(row: Sequence[Any]) -> Event:
    event_id, time_ms, session, agent, *rest = row
    payload = _payload(event_id, *rest)
    severity: Literal["info", "error"] = "error" if payload["status"] in _FAILED else "info"
    told = {"id": event_id, "timestamp": iso_millis(time_ms), "session_id": session or "", "agent_id": agent or ""}
    told |= {"event_type": _TYPE, "severity": severity, "payload": payload, "metadata": {}, "prev_hash": None}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Event.model_validate(told | {"hash": digest})


def _payload(event_id: str, *row: Any) -> dict[str, Any]:
    """What AgentLens' own SDK would have sent, but for what was said."""
    provider, model, status, finish, code, cost_nanos, latency_ms, *tokens = row
    payload = {
        "callId": event_id,
        "provider": provider,
        "model": model,
        "completion": None,
        "finishReason": finish or ("stop" if status == "success" else status),
        "usage": _usage(*tokens),
        "costUsd": dollars(cost_nanos),
        "latencyMs": round(latency_ms, 3),
        "status": status,
    }
    return payload if code is None else payload | {"errorCode": code}


def _usage(read: int, written: int, cached: int, cache_written: int, reasoning: int) -> dict[str, int]:
    return {
        "inputTokens": read,
        "outputTokens": written,
        "totalTokens": read + written,
        "thinkingTokens": reasoning,
        "cacheReadTokens": cached,
        "cacheWriteTokens": cache_written,
    }


def _order(text: str | None) -> Order:
    if text in {None, "", "desc"}:
        return "desc"
    if text == "asc":
        return "asc"
    raise QueryError("order must be asc or desc", "order")


def _number(text: str | None, name: str, least: int, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:12]) <= _FARTHEST:
        raise QueryError(f"{name} must be a whole number from {least} to {_FARTHEST}", name)
    return int(text)
