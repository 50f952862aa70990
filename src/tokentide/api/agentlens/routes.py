"""AgentLens' endpoints: who asks, for what, and with what is it answered?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tokentide import clock
from tokentide.api.access import Caller, Reader
from tokentide.api.agentlens import analytics, events
from tokentide.api.agentlens.models import AgentLensError, Analytics, Detail, Events
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, Route, router_of
from tokentide.api.engine import Engine
from tokentide.api.failures import Failure, Kind
from tokentide.api.period import read_period
from tokentide.api.times import DAY_MS, LAST_MS
from tokentide.api.visible import Narrowed, projects_asked
from tokentide.errors import QueryError
from tokentide.store.queries.totals import Scope

__all__ = ["router"]

_WORDS = {
    Kind.NO_KEY: "Missing Authorization header",
    Kind.MALFORMED_KEY: "Invalid Authorization header format. Expected: Bearer als_xxx",
    Kind.UNKNOWN_KEY: "Invalid or revoked API key",
    Kind.TOO_MANY_REQUESTS: "Rate limit exceeded",
}
_BOUNDS = ("from", "to")


def router() -> APIRouter:
    """The routes of this dialect."""
    routes: list[Route] = [
        ("/api/analytics/llm", get_analytics, Analytics),
        ("/api/events", get_events, Events),
    ]
    return router_of(Dialect("agentlens", AgentLensError, _worded), routes)


def _worded(failure: Failure) -> AgentLensError:
    """A parameter at fault is told in `details`; a failure that has words of its own has no such parameter."""
    if failure.kind is Kind.BAD_REQUEST and failure.field is not None:
        details = [Detail(path=failure.field, message=failure.message)]
        return AgentLensError(error="Validation failed", status=failure.status, details=details)
    return AgentLensError(error=_WORDS.get(failure.kind, failure.message), status=failure.status)


def _asked_bounds(
    start: Annotated[str | None, Query(alias="from", description="ISO 8601, UTC without an offset")] = None,
    end: Annotated[str | None, Query(alias="to", description="ISO 8601, itself included; now by default")] = None,
) -> tuple[str | None, str | None]:
    return start, end


def _asked_filters(
    agent: Annotated[str | None, Query(alias="agentId", description="calls of one agent")] = None,
    model: Annotated[str | None, Query(description="calls of one model")] = None,
    provider: Annotated[str | None, Query(description="calls of one provider")] = None,
) -> dict[str, str]:
    """An empty filter is none, as in AgentLens."""
    given = {"agent_id": agent, "model": model, "provider": provider}
    return {name: value for name, value in given.items() if value}


def _asked_page(
    *,
    types: Annotated[
        str | None, Query(alias="eventType", description="with commas; llm_response is all there is")
    ] = None,
    severities: Annotated[str | None, Query(alias="severity", description="info or error, with commas")] = None,
    order: Annotated[
        str | None, Query(description="by time; desc by default", json_schema_extra={"enum": ["asc", "desc"]})
    ] = None,
    limit: Annotated[str | None, Query(description="1 to 500 events; 50 by default")] = None,
    offset: Annotated[str | None, Query(description="how many are left out before; 0 by default")] = None,
    search: Annotated[str | None, Query(description="refused: prompts and completions are not kept")] = None,
) -> events.Page:
    if search:
        raise QueryError("search finds nothing here: prompts and completions are not kept; leave it out", "search")
    return events.read_page(types, severities, order, limit, offset)


_Bounds = Annotated[tuple[str | None, str | None], Depends(_asked_bounds)]
_Filters = Annotated[dict[str, str], Depends(_asked_filters)]
_Page = Annotated[events.Page, Depends(_asked_page)]


async def get_analytics(
    request: Request,
    caller: Reader,
    *,
    bounds: _Bounds,
    filters: _Filters,
    project: Narrowed = None,
    granularity: Annotated[
        str | None, Query(description="hour by default", json_schema_extra={"enum": ["hour", "day", "week"]})
    ] = None,
) -> Response:
    """Calls, costs, tokens and latency: all together, by model, and by time; the last 24 hours by default."""
    engine: Engine = request.app.state.engine
    length = analytics.read_granularity(granularity)
    scope = await _scope(request, caller, project, bounds=bounds, filters=filters, default_ms=DAY_MS)
    found = await engine.ask(*analytics.asked(scope, length))
    return answered(request, analytics.shaped(length, *found.rows), found)


async def get_events(
    request: Request,
    caller: Reader,
    *,
    bounds: _Bounds,
    filters: _Filters,
    page: _Page,
    session: Annotated[str | None, Query(alias="sessionId", description="calls of one session")] = None,
    project: Narrowed = None,
) -> Response:
    """Single calls, newest first, as AgentLens' events of type llm_response; as far back as events are kept."""
    engine: Engine = request.app.state.engine
    if session:
        filters = filters | {"session_id": session}
    scope = await _scope(request, caller, project, bounds=bounds, filters=filters)
    kept = replace(scope.window, start_ms=max(scope.window.start_ms, scope.events_from_ms))
    asked = [] if kept.is_empty or page.is_empty else events.asked(replace(scope, window=kept), page)
    found = await engine.ask(*asked)
    return answered(request, events.shaped(page, *found.rows), found)


async def _scope(
    request: Request,
    caller: Caller,
    project: str | None,
    *,
    bounds: tuple[str | None, str | None],
    filters: Mapping[str, str],
    default_ms: int | None = None,
) -> Scope:
    """Whose calls, and when; without a default length, a window without a start has none."""
    engine: Engine = request.app.state.engine
    projects = await projects_asked(request, caller, project)
    now_ms = clock.now_ms()
    period = read_period(*bounds, now_ms, LAST_MS if default_ms is None else default_ms, _BOUNDS)
    return Scope(projects, period.window, engine.events_from_ms(now_ms), filters)
