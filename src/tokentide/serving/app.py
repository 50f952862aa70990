"""How are the parts of the API put together? One application, from settings and an opened store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from tokentide import __version__
from tokentide.api import agentlens, lumiqtrace, page, perf, truefoundry
from tokentide.api.access import Access
from tokentide.api.bodies import Room
from tokentide.api.engine import Engine
from tokentide.api.last_used import keep_written
from tokentide.api.limits import RateLimits, shared_counters
from tokentide.api.perf.comparison import Prices
from tokentide.api.sessions import Sessions
from tokentide.api.watch import REQUEST_ID, Watched
from tokentide.events import Limits
from tokentide.gateway.delivery import Delivery, KafkaDelivery
from tokentide.gateway.judging import Rules
from tokentide.gateway.quota import Quota
from tokentide.gateway.receiving import Gateway
from tokentide.gateway.routes import router as doors
from tokentide.metrics import ApiMetrics
from tokentide.serving import docs, operations
from tokentide.settings import Settings
from tokentide.shards import parse_shards
from tokentide.store.port import Store

__all__ = ["create_app"]


def create_app(
    settings: Settings,
    store: Store,
    registry: CollectorRegistry | None = None,
    *,
    delivery: Delivery | None = None,
    written: Store | None = None,
) -> FastAPI:
    """The API.

    Args:
        settings: what it is told.
        store: where rows and keys are read; need not answer yet, and stays open when the application ends.
        registry: where its metrics go; one of its own by default.
        delivery: where events go that are sent to it; Kafka by default.
        written: where it is noted when keys were used; by default that is not noted.
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
    app.state.access = access = Access(store, Sessions(settings), metrics=metrics, limits=_limits(settings))
    app.state.written = written
    app.state.room = room = Room()
    app.state.gateway = Gateway(
        access,
        Rules(Limits(settings.max_record_bytes, settings.rollup_retention_days), parse_shards(settings.project_shards)),
        Quota(settings.monthly_quota_events, store, settings.topic, metrics),
        delivery or KafkaDelivery(settings),
        metrics,
        room,
    )
    app.state.comparison = Prices.of(settings)
    app.state.engine = Engine(
        store,
        metrics,
        settings.topic,
        settings.events_retention_days if settings.events_table else 0,
        settings.rollup_retention_days,
    )
    for part in (lumiqtrace, agentlens, perf, truefoundry, operations, docs, page):
        app.include_router(part.router())
    app.include_router(doors())
    app.mount("/docs/files", docs.swagger_files())
    if origins := [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match"],
            expose_headers=["ETag", "Retry-After", "X-Data-Through", "X-Window-Aligned", REQUEST_ID],
        )
    app.add_middleware(Watched, metrics=metrics)
    app.add_exception_handler(HTTPException, _without_route)
    app.add_exception_handler(Exception, _unforeseen)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    access, gateway = app.state.access, app.state.gateway
    tasks = [asyncio.create_task(access.keep_fresh()), asyncio.create_task(gateway.quota.keep_fresh())]
    if app.state.written is not None:
        tasks.append(asyncio.create_task(keep_written(access.uses, app.state.written)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await gateway.delivery.close()
        app.state.engine.close()


def _limits(settings: Settings) -> RateLimits:
    uri = settings.rate_limits.get_secret_value()
    return RateLimits(shared_counters(uri) if uri else None)


async def _without_route(_request: Request, error: Exception) -> Response:
    """No route has this path, or not with this method: there is no dialect to word it."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _unforeseen(_request: Request, _error: Exception) -> Response:
    """An error outside of all dialects; the server logs it, and answers around `Watched`."""
    return JSONResponse({"error": "Internal server error"}, 500, {"X-Content-Type-Options": "nosniff"})
