"""The routes of the doors, and what OpenAPI says of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from tokentide.api.dialect import documented, route_class
from tokentide.gateway.adapters.otlp_wire import PROTOBUF
from tokentide.gateway.doors import DOORS, Door, Partly
from tokentide.gateway.receiving import Gateway

__all__ = ["SECURITY_SCHEMES", "router"]

_KEY_IN: list[dict[str, list[str]]] = [{"IngestKey": []}, {"HTTPBearer": []}, {"HTTPBasic": []}]
SECURITY_SCHEMES = {
    "IngestKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "an ingest key"},
    "HTTPBasic": {"type": "http", "scheme": "basic", "description": "an ingest key as password"},
}
"""How a key is sent to a door, besides `HTTPBearer`, as OpenAPI has it."""
_BINARY = {"type": "string", "format": "binary"}
_PARTIAL = {
    "name": "partial",
    "in": "query",
    "description": "take the good events, and say which were refused",
    "schema": {"type": "boolean"},
}


def router() -> APIRouter:
    """A route for each path of each door."""
    made = APIRouter()
    for door in DOORS:
        of_door = APIRouter(route_class=route_class(door.dialect, bare=True), tags=[door.name])
        for path in door.paths:
            of_door.add_api_route(
                path,
                _endpoint(door),
                methods=["POST"],
                status_code=door.status,
                summary=f"Send events: {door.name}",
                description=door.says,
                responses=_responses(door),
                openapi_extra=_asked(door),
                operation_id=f"{door.name}_{path.strip('/').replace('/', '_')}",
            )
        made.include_router(of_door)
    return made


def _endpoint(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def receive(request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        return await gateway.receive(door, request)

    return receive


def _asked(door: Door) -> dict[str, Any]:
    content = {
        kind: {"schema": _BINARY if kind != "application/json" else {}} for kind in sorted(door.body.content_types)
    }
    asked: dict[str, Any] = {"requestBody": {"required": True, "content": content}, "security": _KEY_IN}
    return asked | ({"parameters": [_PARTIAL]} if door.partly is Partly.ON_WISH else {})


def _responses(door: Door) -> dict[int | str, dict[str, Any]]:
    found = documented(door.dialect)
    for status in (200, 304):
        found.pop(status)
    for status, said in (
        (408, "The body came too slowly"),
        (413, "The body is too large"),
        (415, "Another content type"),
    ):
        found[status] = {"description": said, "model": door.dialect.error}
    found[400]["description"] = "The body or one of its events is refused; the message names its place and field"
    found[403]["description"] = "The key may not send events"
    found[429]["description"] = "Too many requests, or the month's quota is used up; the message says which"
    found[503]["description"] = "The events cannot be taken right now; what is sent again counts once"
    found[door.status] = {"description": "What was taken", "model": door.model}
    if PROTOBUF in door.body.content_types:
        for answer in found.values():
            answer.setdefault("content", {})[PROTOBUF] = {"schema": _BINARY}
    return found
