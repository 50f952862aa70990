"""The page's paths: the page itself, its numbers, and signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from tokentide import clock
from tokentide.api.access import REQUESTS_A_MINUTE, Access, Caller
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, route_class
from tokentide.api.engine import Engine
from tokentide.api.failures import Failure, Kind
from tokentide.api.json_body import read_json
from tokentide.api.page import cookie
from tokentide.api.page.assets import Assets
from tokentide.api.page.models import PageError
from tokentide.api.page.picture import Asked, asked, shaped
from tokentide.api.page.span import read_span
from tokentide.api.visible import projects_asked
from tokentide.errors import QueryError

__all__ = ["router"]

_WORDS = {
    Kind.NO_KEY: "Sign in to see the numbers.",
    Kind.MALFORMED_KEY: "Enter a read key, which begins with als_, or the token of a session.",
    Kind.UNKNOWN_KEY: "This key is not known here, or it has expired or was revoked. Ask for a new read key.",
    Kind.FOREIGN_PROJECT: "This key may not see that project, or there is none of that name.",
}


def router() -> APIRouter:
    """The routes of the page."""
    dialect = Dialect("page", PageError, _worded)
    made = APIRouter(route_class=route_class(dialect), tags=[dialect.name], include_in_schema=False)
    made.add_api_route("/page/data", get_data, methods=["GET"])
    made.add_api_route("/page/session", post_session, methods=["POST"])
    made.add_api_route("/page/session", delete_session, methods=["DELETE"])
    files = APIRouter(tags=[dialect.name], include_in_schema=False)
    Assets().add_to(files)
    made.include_router(files)
    return made


def _worded(failure: Failure) -> PageError:
    return PageError(error=_WORDS.get(failure.kind, failure.message), code=failure.kind.name.lower())


async def _signed_in(request: Request) -> Caller:
    access: Access = request.app.state.access
    caller = await access.reader(f"Bearer {cookie.presented(request)}")
    await access.count(caller, "data", REQUESTS_A_MINUTE)
    return caller


_Reader = Annotated[Caller, Depends(_signed_in)]


def _when(
    named: Annotated[str | None, Query(alias="range")] = None,
    first_day: Annotated[str | None, Query(alias="from")] = None,
    last_day: Annotated[str | None, Query(alias="to")] = None,
) -> tuple[str | None, str | None, str | None]:
    return named, first_day, last_day


_Project = Annotated[str | None, Query(min_length=1)]
_When = Annotated[tuple[str | None, str | None, str | None], Depends(_when)]


async def get_data(request: Request, caller: _Reader, when: _When, project: _Project = None) -> Response:
    """Everything that the page shows."""
    engine: Engine = request.app.state.engine
    now_ms = clock.now_ms()
    span = read_span(*when, now_ms)
    if project is not None:
        await projects_asked(request, caller, project)
    choices = await projects_asked(request, caller, None)
    page = Asked(caller.organisation, choices, project, span, now_ms, engine.events_from_ms(now_ms))
    parts = asked(page)
    found = await engine.ask(*(question for part in parts for question in part))
    rows = iter(found.rows)
    return answered(request, shaped(page, found, [[next(rows) for _ in part] for part in parts]), found)


async def post_session(request: Request) -> Response:
    """Sign in with a read key or the token of a session: `{"key": "…"}`."""
    cookie.require_own_site(request)
    body = await read_json(request)
    key = body.get("key") if isinstance(body, dict) else None
    if not isinstance(key, str):
        raise QueryError("key is required", "key")
    access: Access = request.app.state.access
    caller = await access.reader(f"Bearer {key}")
    await access.count(caller, "data", REQUESTS_A_MINUTE)
    response = Response(status_code=204)
    cookie.sign_in(request, response, key.strip())
    return response


async def delete_session(request: Request) -> Response:
    """Sign out of this browser."""
    cookie.require_own_site(request)
    response = Response(status_code=204)
    cookie.sign_out(response)
    return response
