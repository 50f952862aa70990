"""A client that goes away while its question runs, over a real server and a real ClickHouse engine."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import uvicorn

from tests.store_fixtures import free_port, migrated, settings_of, until
from tokentide import clock
from tokentide.api.late_store import LateStore
from tokentide.serving.app import create_app
from tokentide.store import Query, ReadLimits, open_store
from tokentide.store.access import create_key

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 3"
RUNNING = Query(
    "running", "SELECT count() FROM system.processes WHERE query LIKE 'SELECT count() FROM numbers(1000000000000)%'"
)


class EndlessStore(LateStore):
    """A store whose metrics questions take for ever."""

    def ask(self, query):
        """See `Store.ask`."""
        return super().ask(replace(query, sql=ENDLESS, args={}) if query.name == "metrics" else query)


@contextmanager
def served(app):
    """The port on which the application answers."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, 30)
        yield port
    finally:
        server.should_exit = True
        thread.join(30)


def test_a_question_ends_when_its_client_leaves(chdb_store_root):
    """The connection closes, and long before the time limit the engine no longer works on the question."""
    with migrated(chdb_store_root) as store:
        [(database,)] = store.ask(Query("database", "SELECT currentDatabase()"))
        key = create_key(store, role="read", org="o", projects=["p"], now_ms=clock.now_ms()).key
        limits = ReadLimits(seconds=600)
        opening = partial(open_store, chdb_store_root, database, read_only=True, limits=limits)
        with closing(EndlessStore(opening)) as endless:
            app = create_app(settings_of("chdb:///x", database), endless)
            with served(app) as port:
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(a_request(key))
                    until(lambda: store.ask(RUNNING) == [(1,)], 60)
                until(lambda: store.ask(RUNNING) == [(0,)], 60)
            assert app.state.metrics.counter("queries_cancelled")._value.get() == 1


def a_request(key):
    body = json.dumps(
        {"startTs": "2026-04-20", "endTs": "2026-04-21", "datasource": "modelMetrics", "type": "distribution"}
        | {"filters": [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}]}
    ).encode()
    head = (
        "POST /api/svc/v1/llm-gateway/metrics/query HTTP/1.1\r\nHost: api\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
