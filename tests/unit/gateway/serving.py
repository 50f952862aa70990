"""An application on a port of this machine, for clients that know nothing of ASGI."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import uvicorn

from tests.store_fixtures import free_port, until


@contextmanager
def serving(app):
    """Where the application answers, while the block lasts."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, 20)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
