"""Is this process alive, can it answer, and what did it do? For probes and scrapes, without a key."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tokentide.errors import StoreError
from tokentide.store.fitness import why_unfit
from tokentide.store.port import Store

__all__ = ["router"]

_PROBE_SECONDS = 5


def router() -> APIRouter:
    """The routes of probes and scrapes."""
    made = APIRouter(tags=["operations"], include_in_schema=False)
    made.add_api_route("/healthz", alive)
    made.add_api_route("/readyz", ready)
    made.add_api_route("/metrics", metrics)
    return made


async def alive() -> Response:
    """The process runs."""
    return JSONResponse({"alive": True})


async def ready(request: Request) -> Response:
    """The store answers, and its schema is one that this program can read; else 503 and the reason."""
    store: Store = request.app.state.store
    try:
        reason = await asyncio.wait_for(asyncio.to_thread(why_unfit, store), _PROBE_SECONDS)
    except TimeoutError:
        return _not_ready(f"the store did not answer within {_PROBE_SECONDS} seconds")
    except StoreError as error:
        return _not_ready(str(error))
    return JSONResponse({"ready": True}) if reason is None else _not_ready(reason)


async def metrics(request: Request) -> Response:
    """What Prometheus scrapes."""
    registry: CollectorRegistry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _not_ready(reason: str) -> Response:
    return JSONResponse({"ready": False, "reason": reason}, status_code=503)
