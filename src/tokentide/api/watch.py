"""What was asked, how did it end, how long did it take? Counted and logged around everything.

Every answer is `nosniff`, tells no other site where its reader came from, and carries the id of its request, by which
the log finds it. Neither labels nor the log take a path, a query or a header from the request.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokentide.metrics import ApiMetrics

__all__ = ["REQUEST_ID", "Watched"]

REQUEST_ID = "X-Request-ID"
"""The header that names a request; a caller may bring a name of its own."""

_OTHER = "other"
_OWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_QUIET = "operations"  # probes and scrapes come every few seconds

_log = logging.getLogger("tokentide.access")


class Watched:
    """An ASGI application that counts, times and names the requests of another."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._requests = metrics.counter("http_requests")
        self._seconds = metrics.histogram("http_request_seconds")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the other does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(scope)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers[REQUEST_ID] = request_id
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - began
            dialect, route = _place(scope)
            self._requests.labels(dialect, route, str(status)).inc()
            self._seconds.labels(dialect, route).observe(seconds)
            level = logging.DEBUG if dialect == _QUIET else logging.INFO
            if _log.isEnabledFor(level):
                _say(level, _known_method(scope), route, status, seconds, request_id)


def _say(level: int, method: str, route: str, status: int, seconds: float, request_id: str) -> None:  # noqa: PLR0917  what a line says
    took_ms = round(seconds * 1000, 1)
    fields = {"method": method, "route": route, "status": status, "ms": took_ms, "request_id": request_id}
    said = (method, route, status, took_ms, request_id)
    _log.log(level, "%s %s %d in %.1f ms, request %s", *said, extra={"fields": fields})


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _OWN_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"


def _known_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "OTHER"


def _place(scope: Scope) -> tuple[str, str]:
    """The dialect and the template of the route that answered: no label takes a value from the request."""
    route = scope.get("route")
    tags = getattr(route, "tags", None) or [_OTHER]
    return str(tags[0]), str(getattr(route, "path", _OTHER))
