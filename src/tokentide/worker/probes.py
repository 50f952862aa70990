"""The worker's HTTP endpoints for operators: `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from tokentide.errors import SettingsError

__all__ = ["serve"]

_logger = logging.getLogger(__name__)


async def serve(host: str, port: int, registry: CollectorRegistry, unready: Callable[[], str | None]) -> web.AppRunner:
    """Serve the endpoints until the runner is cleaned up.

    Args:
        host: address to bind.
        port: port to bind; 0 for any free one, which is logged.
        registry: what `/metrics` shows.
        unready: why the worker is not ready; None when it is.

    Raises:
        SettingsError: the address cannot be bound.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        reason = unready()
        if reason is None:
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not ready", "reason": reason}, status=503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise SettingsError([f"TOKENTIDE_METRICS_HOST, TOKENTIDE_METRICS_PORT: {error.strerror}"]) from error
    bound = runner.addresses[0]
    _logger.info("metrics and probes on http://%s:%d", bound[0], bound[1])
    return runner
