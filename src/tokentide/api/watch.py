"""What was asked, how did it end, how long did it take? Counted around everything; and every answer is `nosniff`."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tokentide.metrics import ApiMetrics

__all__ = ["Watched"]

_OTHER = "other"


class Watched:
    """An ASGI application that counts and times the requests of another."""

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

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            dialect, route = _place(scope)
            self._requests.labels(dialect, route, str(status)).inc()
            self._seconds.labels(dialect, route).observe(time.perf_counter() - began)


def _place(scope: Scope) -> tuple[str, str]:
    """The dialect and the template of the route that answered: no label takes a value from the request."""
    route = scope.get("route")
    tags = getattr(route, "tags", None) or [_OTHER]
    return str(tags[0]), str(getattr(route, "path", _OTHER))
