"""How are the parts of the API put together? One application, from settings and an opened store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException

from tokentide import __version__
from tokentide.api import agentlens, docs, lumiqtrace, operations, perf, truefoundry
from tokentide.api.access import Access
from tokentide.api.engine import Engine
from tokentide.api.perf.comparison import Prices
from tokentide.api.sessions import Sessions
from tokentide.api.watch import Watched
from tokentide.metrics import ApiMetrics
from tokentide.settings import Settings
from tokentide.store.port import Store

__all__ = ["create_app"]


def create_app(settings: Settings, store: Store, registry: CollectorRegistry | None = None) -> FastAPI:
    """The API.

    Args:
        settings: what it is told.
        store: where rows and keys are read; need not answer yet, and stays open when the application ends.
        registry: where its metrics go; one of its own by default.
    """
    metrics = ApiMetrics(registry or CollectorRegistry())
    app = FastAPI(
        title="tokentide",
        version=__version__,
        description="LLM usage, cost, latency and errors, from rollups that are exactly right.",
        openapi_url=None,  # `docs` serves these
        docs_url=None,
        redoc_url=None,
        lifespan=_running,
    )
    app.state.store = store
    app.state.metrics = metrics
    app.state.access = Access(store, Sessions(settings), metrics=metrics)
    app.state.comparison = Prices.of(settings)
    app.state.engine = Engine(
        store, metrics, settings.topic, settings.events_retention_days if settings.events_table else 0
    )
    for part in (lumiqtrace, agentlens, perf, truefoundry, operations, docs):
        app.include_router(part.router())
    app.mount("/docs/files", docs.swagger_files())
    app.add_middleware(Watched, metrics=metrics)
    app.add_exception_handler(HTTPException, _without_route)
    app.add_exception_handler(Exception, _unforeseen)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    fresh = asyncio.create_task(app.state.access.keep_fresh())
    try:
        yield
    finally:
        fresh.cancel()
        with suppress(asyncio.CancelledError):
            await fresh
        app.state.engine.close()


async def _without_route(_request: Request, error: Exception) -> Response:
    """No route has this path, or not with this method: there is no dialect to word it."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    """An error outside of all dialects; the server logs it, and answers around `Watched`."""
    return JSONResponse({"error": "Internal server error"}, 500, {"X-Content-Type-Options": "nosniff"})
