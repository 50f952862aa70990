"""What do single calls say that no rollup keeps? Of windows for which events are kept."""

from __future__ import annotations

from typing import Any, Literal

from tokentide.store.queries.sources import CONCRETE_CALL, FAILURE_MODE
from tokentide.store.queries.totals import Question, Scope

__all__ = [
    "Order",
    "are_kept",
    "calls_counted",
    "calls_of_sessions",
    "failure_triggers",
    "inside",
    "inside_args",
    "recent_calls",
]

Order = Literal["asc", "desc"]

_STATUSES = "('error', 'timeout', 'rate_limited')"
_DIMENSIONS = ("provider", "model", "agent_id", "session_id")


def are_kept(scope: Scope) -> bool:
    """Whether every event of the window is there, as far as it has passed."""
    return scope.window.start_ms >= scope.events_from_ms


def calls_of_sessions(scope: Scope) -> Question:
    """Ask for (calls that belong to a session, sessions that they belong to)."""
    return Question(
        "calls_of_sessions",
        f"SELECT count(), uniqExact(session_id)\nFROM events FINAL\nWHERE {inside()} AND session_id IS NOT NULL",
        inside_args(scope),
    )


def failure_triggers(scope: Scope) -> Question:
    """Ask for what set failures off: (failure mode, trigger, failures); those without a trigger are left out."""
    return Question(
        "failure_triggers",
        f"SELECT assumeNotNull({FAILURE_MODE}) AS mode, assumeNotNull(failure_trigger), count()\n"
        "FROM events FINAL\n"
        f"WHERE {inside()} AND failure_trigger IS NOT NULL AND {FAILURE_MODE} IS NOT NULL\n"
        "GROUP BY 1, 2\nORDER BY 1, 2",
        inside_args(scope),
    )


def recent_calls(scope: Scope, *, failed: bool | None, order: Order, limit: int, offset: int) -> Question:
    """Ask for single calls by time, of equal times the smaller event_id first.

    Rows are (event_id, time in milliseconds, session, agent, provider, model, status, finish reason, error code, cost
    in nano-dollars, latency in milliseconds, tokens in, out, cached, written to the cache, of reasoning).

    Args:
        scope: whose calls, and when; `only` may name a session, too.
        failed: only calls that failed, or only those that did not; None for both.
        order: by time.
        limit: most rows.
        offset: how many are left out before.
    """
    sql = (
        "SELECT toString(event_id), toUnixTimestamp64Milli(timestamp), session_id, agent_id, provider, model, status, "
        "finish_reason, error_code, reinterpret(cost_usd, 'Int64'), latency_ms, input_tokens, output_tokens, "
        "cached_tokens, cache_write_tokens, reasoning_tokens\n"
        "FROM events FINAL\n"
        f"WHERE {inside()}{_only(scope)}{_outcome(failed)}\n"
        f"ORDER BY timestamp {'ASC' if order == 'asc' else 'DESC'}, toString(event_id)\n"
        "LIMIT {limit:UInt32} OFFSET {offset:UInt32}"
    )
    return Question("recent_calls", sql, _filtered(scope) | {"limit": limit, "offset": offset})


def calls_counted(scope: Scope, *, failed: bool | None) -> Question:
    """Ask how many calls there are by what only events tell: one row (calls)."""
    sql = f"SELECT count()\nFROM events FINAL\nWHERE {inside()}{_only(scope)}{_outcome(failed)}"
    return Question("calls_counted", sql, _filtered(scope))


def inside() -> str:
    """The condition that an event is a call of the projects and of the window; `inside_args` has its arguments."""
    return (
        "project_id IN {projects:Array(String)} "
        "AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({to:Int64}, 'UTC') "
        f"AND {CONCRETE_CALL}"
    )


def inside_args(scope: Scope) -> dict[str, Any]:
    """What the condition `inside` is about."""
    window = scope.window.within_years_of_events()
    return {"projects": list(scope.projects), "from": window.start_ms, "to": window.end_ms}


def _only(scope: Scope) -> str:
    return "".join(f" AND {name} = {{only_{name}:String}}" for name in _DIMENSIONS if name in scope.only)


def _filtered(scope: Scope) -> dict[str, Any]:
    return inside_args(scope) | {f"only_{name}": scope.only[name] for name in _DIMENSIONS if name in scope.only}


def _outcome(failed: bool | None) -> str:  # noqa: FBT001  three answers to one question
    return "" if failed is None else f" AND status {'IN' if failed else 'NOT IN'} {_STATUSES}"
