"""How does the API process run? From its settings until a signal."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import uvicorn
from typing_extensions import override

from tokentide.api.connections import PatientProtocol
from tokentide.api.late_store import LateStore
from tokentide.errors import SettingsError
from tokentide.serving.app import create_app
from tokentide.settings import Settings
from tokentide.store.clickhouse import open_store
from tokentide.store.port import ReadLimits

__all__ = ["run_api"]

_SECONDS_TO_FINISH = 10
_IDLE_SECONDS = 15
_MOST_CONNECTIONS = 5000

_log = logging.getLogger(__name__)


def run_api(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT; those under way are finished.

    The store need not answer: until it does, `/readyz` and the data routes say 503.

    Raises:
        SettingsError: the address cannot be bound.
    """
    dsn = settings.clickhouse_dsn
    limits = ReadLimits(settings.query_timeout_seconds, settings.query_memory_bytes)
    reading = partial(open_store, dsn, settings.database, read_only=True, cluster=settings.cluster, limits=limits)
    writing = partial(open_store, dsn, settings.database, cluster=settings.cluster)
    with (
        closing(LateStore(reading)) as store,
        closing(LateStore(writing)) as written,
        _bound(settings.api_host, settings.api_port) as listening,
    ):
        config = uvicorn.Config(
            create_app(settings, store, written=written),
            log_config=None,
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            http=PatientProtocol,
            ws="none",
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
        _Server(config).run(sockets=[listening])


class _Server(uvicorn.Server):
    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            host, port = listening.getsockname()[:2]
            _log.info("the API answers at http://%s:%d", f"[{host}]" if ":" in host else host, port)

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on a signal and return: uvicorn's own way ends the process by the same signal again."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        problem = f"TOKENTIDE_API_HOST and TOKENTIDE_API_PORT: cannot listen on {host}:{port}: {error.strerror}"
        raise SettingsError([problem]) from error
