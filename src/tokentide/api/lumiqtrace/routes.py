"""LumiqTrace's endpoints: who asks, for what, and with what is it answered?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from tokentide import clock
from tokentide.api.access import Access, Caller, Reader
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, Route, router_of
from tokentide.api.engine import Engine
from tokentide.api.failures import Failure, Kind
from tokentide.api.lumiqtrace import costs, errors, overview, performance
from tokentide.api.lumiqtrace.models import Costs, Error, Errors, Overview, Performance
from tokentide.api.period import Period, read_period
from tokentide.api.times import DAY_MS
from tokentide.store.queries.totals import Scope

__all__ = ["router"]

_WORDS = {
    Kind.NO_KEY: "Invalid API key",
    Kind.MALFORMED_KEY: "Invalid API key",
    Kind.UNKNOWN_KEY: "Invalid API key",
    Kind.FOREIGN_PROJECT: "Not a member of this organization",
    Kind.TOO_MANY_REQUESTS: "Rate limit exceeded",
}


def router() -> APIRouter:
    """The routes of this dialect."""
    routes: list[Route] = [
        ("/v1/projects/{id}/overview", get_overview, Overview),
        ("/v1/costs", get_costs, Costs),
        ("/v1/performance", get_performance, Performance),
        ("/v1/errors", get_errors, Errors),
    ]
    return router_of(Dialect("lumiqtrace", Error, _worded), routes)


def _worded(failure: Failure) -> Error:
    return Error(error=_WORDS.get(failure.kind, failure.message))


def _bounds(
    start: Annotated[str | None, Query(description="ISO 8601, UTC without an offset; some time before `end`")] = None,
    end: Annotated[str | None, Query(description="ISO 8601, itself included; now by default")] = None,
) -> tuple[str | None, str | None]:
    return start, end


_ProjectInPath = Annotated[str, Path(alias="id", description="the project")]
_Project = Annotated[str, Query(alias="projectId", min_length=1, description="the project")]
_Bounds = Annotated[tuple[str | None, str | None], Depends(_bounds)]


async def get_overview(request: Request, caller: Reader, project: _ProjectInPath, bounds: _Bounds) -> Response:
    """The figures of a project, their course, the dearest models, the newest errors; the last 24 hours by default."""
    asked = await _asked(request, caller, project, bounds, DAY_MS)
    found = await asked.engine.ask(*overview.asked(asked.scope, asked.period))
    return answered(request, overview.shaped(asked.period, *found.rows), found)


async def get_costs(request: Request, caller: Reader, project: _Project, bounds: _Bounds) -> Response:
    """What calls cost: by model, by day, this month, and in thirty such days; the last 30 days by default."""
    asked = await _asked(request, caller, project, bounds, 30 * DAY_MS)
    found = await asked.engine.ask(*costs.asked(asked.scope, asked.period))
    return answered(request, costs.shaped(asked.period, asked.now_ms, *found.rows), found)


async def get_performance(request: Request, caller: Reader, project: _Project, bounds: _Bounds) -> Response:
    """How fast calls were; the last 30 days by default."""
    asked = await _asked(request, caller, project, bounds, 30 * DAY_MS)
    found = await asked.engine.ask(*performance.asked(asked.scope))
    return answered(request, performance.shaped(*found.rows), found)


async def get_errors(request: Request, caller: Reader, project: _Project, bounds: _Bounds) -> Response:
    """Which errors there were, how they develop, and when calls were rate limited; the last 30 days by default."""
    asked = await _asked(request, caller, project, bounds, 30 * DAY_MS)
    found = await asked.engine.ask(*errors.asked(asked.scope, asked.period))
    return answered(request, errors.shaped(*found.rows), found)


@dataclass(frozen=True, slots=True)
class _Asked:
    engine: Engine
    scope: Scope
    period: Period
    now_ms: int


async def _asked(
    request: Request, caller: Caller, project: str, bounds: tuple[str | None, str | None], default_ms: int
) -> _Asked:
    access: Access = request.app.state.access
    engine: Engine = request.app.state.engine
    await access.admit(caller, project)
    now_ms = clock.now_ms()
    period = read_period(*bounds, now_ms, default_ms)
    return _Asked(engine, Scope((project,), period.window, engine.events_from_ms(now_ms)), period, now_ms)
