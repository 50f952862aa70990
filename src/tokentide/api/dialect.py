"""What do the routes of one dialect share? Its name, and how it words a failure.

A dialect is a router built with `route_class(dialect)`: whatever ends a request of its routes, the answer has the
dialect's own body, and nothing of the error itself reaches the caller.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel

from tokentide.api.failures import Failure, Kind, failure_of
from tokentide.api.presence import while_present
from tokentide.errors import QueryError

__all__ = ["Dialect", "Route", "documented", "failed", "route_class", "router_of"]

_WITHOUT_BODY = {"GET", "HEAD"}
_log = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
_FRESHNESS = {
    "X-Data-Through": {
        "description": "the log time up to which every partition is in the answer",
        "schema": {"type": "string", "format": "date-time"},
    },
    "X-Window-Aligned": {
        "description": "present when the window was widened to whole buckets, for want of single events at its edges",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Answered-From": {
        "description": "which tables the answer was computed from; it would be the same from the others",
        "schema": {"type": "string", "enum": ["rollups", "events", "both"]},
    },
    "ETag": {"description": "send it as If-None-Match: 304 when nothing changed", "schema": {"type": "string"}},
}


def _as_json(_request: Request, body: BaseModel) -> tuple[bytes, str]:
    return body.model_dump_json(by_alias=True).encode(), "application/json"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One public surface.

    Attributes:
        name: as its routes' tag, and as a metric label.
        error: the shape of its failures.
        worded: one failure in that shape.
        written: the bytes of that, and their content type, where it depends on the request; JSON by default.
    """

    name: str
    error: type[BaseModel]
    worded: Callable[[Failure], BaseModel]
    written: Callable[[Request, BaseModel], tuple[bytes, str]] = _as_json


def route_class(dialect: Dialect, *, bare: bool = False) -> type[APIRoute]:
    """The class of the dialect's routes, which answers every failure in the dialect's words.

    Args:
        dialect: whose words.
        bare: whether the endpoints are functions of the request alone, which need none of FastAPI's reading of it.
    """

    class DialectRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = self.endpoint if bare else super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    if set(self.methods or ()) <= _WITHOUT_BODY:
                        return await while_present(request, handle(request))
                    return await handle(request)
                except RequestValidationError as error:
                    return failed(dialect, failure_of(_first_problem(error)), request)
                except Exception as error:  # noqa: BLE001  the last place where a failure becomes an answer
                    failure = failure_of(error)
                    if failure.kind is Kind.INTERNAL:
                        _log.exception("%s %s failed", request.method, self.path)
                    if failure.kind is Kind.UNAVAILABLE:
                        _log.warning("%s %s: %s", request.method, self.path, error)
                    return failed(dialect, failure, request)

            return answer

    return DialectRoute


Route = tuple[str, Callable[..., Awaitable[Response]], type[BaseModel]]
"""A path that data are read at, what answers it, and the shape of a good answer."""


def router_of(dialect: Dialect, routes: Iterable[Route]) -> APIRouter:
    """The router of a dialect whose routes are all read with GET."""
    made = APIRouter(route_class=route_class(dialect), tags=[dialect.name])
    for path, endpoint, model in routes:
        made.add_api_route(path, endpoint, response_model=model, responses=documented(dialect))
    return made


def failed(dialect: Dialect, failure: Failure, request: Request) -> Response:
    """The answer to a failed request."""
    headers = {}
    if failure.retry_after_seconds is not None:
        headers["Retry-After"] = str(failure.retry_after_seconds)
    if failure.status == 401:  # noqa: PLR2004  RFC 9110 asks for this header there
        headers["WWW-Authenticate"] = "Bearer"
    if failure.status in {408, 413}:  # what is still on its way is not read
        headers["Connection"] = "close"
    body, content_type = dialect.written(request, dialect.worded(_named(failure, request)))
    return Response(body, failure.status, headers, media_type=content_type)


def documented(dialect: Dialect, *, with_body: bool = False) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says about the answers of a route that reads data, besides the body of a good one.

    Args:
        dialect: of the route.
        with_body: whether its requests have a JSON body.
    """
    answers: dict[int | str, dict[str, Any]] = {
        200: {"headers": _FRESHNESS},
        304: {"description": "Nothing changed since the answer with that ETag"},
        400: {"description": "A parameter is missing or wrong; the message names it"},
        401: {"description": "No access key, or one that is not known"},
        403: {"description": "The key may not read this"},
        429: {"description": "Too many requests", "headers": _RETRY_AFTER},
        500: {"description": "A fault of this service"},
        503: {"description": "The data cannot be read right now", "headers": _RETRY_AFTER},
    }
    if with_body:
        answers[413] = {"description": "The body is too large"}
        answers[415] = {"description": "The body is not declared as application/json, or is compressed"}
    for status in answers.keys() - {200, 304}:
        answers[status]["model"] = dialect.error
    return answers


def _named(failure: Failure, request: Request) -> Failure:
    """With the id of the request, which is made up when it has none yet."""
    return replace(failure, request_id=getattr(request.state, "request_id", None) or f"req_{secrets.token_hex(8)}")


def _first_problem(error: RequestValidationError) -> QueryError:
    problem = error.errors()[0]
    field = str(problem["loc"][-1])
    if problem["type"] == "missing":
        return QueryError(f"{field} is required", field)
    return QueryError(f"{field}: {problem['msg'].removeprefix('Value error, ')}", field)
