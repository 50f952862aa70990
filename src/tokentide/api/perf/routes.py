"""Perf's endpoints: who asks, for what, and with what is it answered?"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tokentide import clock
from tokentide.api.access import Caller
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, Route, router_of
from tokentide.api.engine import Engine
from tokentide.api.failures import Failure, Kind
from tokentide.api.perf import customer, daily, failures, models, overview, performance, providers, reports
from tokentide.api.perf.comparison import Prices
from tokentide.api.perf.days import Days, DaysAsked, HoursAsked
from tokentide.api.perf.health import Providers
from tokentide.api.perf.providers import Hours
from tokentide.api.tiers import reader_by_tier
from tokentide.api.visible import Narrowed, projects_asked
from tokentide.store.access import Tier
from tokentide.store.queries.totals import Scope

__all__ = ["REQUESTS_A_MINUTE", "router"]

REQUESTS_A_MINUTE: Mapping[Tier, int] = {"free": 10, "pro": 60, "enterprise": 300}

_CODES = {
    400: ("invalid_request", "invalid_request_error"),
    401: ("invalid_api_key", "authentication_error"),
    403: ("forbidden", "permission_error"),
    429: ("rate_limit_exceeded", "rate_limit_error"),
    500: ("internal_error", "internal_error"),
    503: ("unavailable", "internal_error"),
}
_WORDS = {
    Kind.NO_KEY: "Missing API key. Send it as Authorization: Bearer YOUR_API_KEY",
    Kind.MALFORMED_KEY: "Malformed API key. Send it as Authorization: Bearer YOUR_API_KEY",
    Kind.UNKNOWN_KEY: "Invalid API key",
    Kind.TOO_MANY_REQUESTS: "Rate limit exceeded",
}
_log = logging.getLogger(__name__)


def router() -> APIRouter:
    """The routes of this dialect."""
    routes: list[Route] = [
        ("/v1/metrics/overview", get_overview, models.PerfOverview),
        ("/v1/metrics/customer", get_customer, models.Customer),
        ("/v1/metrics/performance", get_performance, reports.PerfPerformance),
        ("/v1/metrics/failures", get_failures, reports.Failures),
        ("/v1/metrics/providers", get_providers, Providers),
        ("/v1/metrics/daily", get_daily, reports.Daily),
    ]
    return router_of(Dialect("perf", models.PerfError, _worded), routes)


def _worded(failure: Failure) -> models.PerfError:
    code, kind = _CODES[failure.status]
    message = _WORDS.get(failure.kind, failure.message)
    _log.info("request %s: %d %s", failure.request_id, failure.status, code)
    return models.PerfError(error=models.Failure(code=code, message=message, type=kind, request_id=failure.request_id))


_Caller = Annotated[Caller, Depends(reader_by_tier("metrics", REQUESTS_A_MINUTE))]
_Task = Annotated[str | None, Query(min_length=1, description="one task; all by default")]


async def get_overview(request: Request, caller: _Caller, days: DaysAsked = 7, project: Narrowed = None) -> Response:
    """The performance at a glance."""
    asked = await _asked(request, caller, project, Days(days, clock.now_ms()))
    found = await asked.engine.ask(*overview.asked(asked.scope))
    return answered(request, overview.shaped(asked.days, *found.rows), found)


async def get_customer(request: Request, caller: _Caller, days: DaysAsked = 30, project: Narrowed = None) -> Response:
    """The account's use, costs, preferences, tasks and habits."""
    asked = await _asked(request, caller, project, Days(days, clock.now_ms()))
    prices: Prices = request.app.state.comparison
    found = await asked.engine.ask(*customer.asked(asked.scope, asked.days, caller.organisation))
    return answered(request, customer.shaped(caller.organisation, asked.days, prices, found.rows), found)


async def get_performance(
    request: Request, caller: _Caller, days: DaysAsked = 7, task_type: _Task = None, project: Narrowed = None
) -> Response:
    """How models do, by task, and which would be better."""
    asked = await _asked(request, caller, project, Days(days, clock.now_ms()))
    found = await asked.engine.ask(*performance.asked(asked.scope))
    return answered(request, performance.shaped(asked.days, task_type, *found.rows), found)


async def get_failures(request: Request, caller: _Caller, days: DaysAsked = 7, project: Narrowed = None) -> Response:
    """Why calls fail, of which models, and what may help."""
    asked = await _asked(request, caller, project, Days(days, clock.now_ms()))
    found = await asked.engine.ask(*failures.asked(asked.scope))
    return answered(request, failures.shaped(asked.days, *found.rows), found)


async def get_daily(request: Request, caller: _Caller, days: DaysAsked = 30, project: Narrowed = None) -> Response:
    """Figures day by day, and how they develop."""
    asked = await _asked(request, caller, project, Days(days, clock.now_ms()))
    found = await asked.engine.ask(*daily.asked(asked.scope))
    return answered(request, daily.shaped(asked.days, *found.rows), found)


async def get_providers(
    request: Request, caller: _Caller, hours: HoursAsked = 24, project: Narrowed = None
) -> Response:
    """How reliable providers are, against as long a time before."""
    engine: Engine = request.app.state.engine
    projects = await projects_asked(request, caller, project)
    period = Hours(hours, clock.now_ms())
    scope = Scope(projects, period.window, engine.events_from_ms(period.now_ms))
    found = await engine.ask(*providers.asked(scope, period))
    return answered(request, providers.shaped(period, *found.rows), found)


@dataclass(frozen=True, slots=True)
class _Asked:
    engine: Engine
    days: Days
    scope: Scope


async def _asked(request: Request, caller: Caller, project: str | None, days: Days) -> _Asked:
    engine: Engine = request.app.state.engine
    projects = await projects_asked(request, caller, project)
    return _Asked(engine, days, Scope(projects, days.window, engine.events_from_ms(days.now_ms)))
