"""The API with made-up events of yesterday, served to a browser, and the log that they came from."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import uvicorn

from tests.integration.folded import DAY_MS, fold_into, made_up_events
from tests.oracle.log import Call, Sent, calls
from tests.store_fixtures import migrated, settings_of, until
from tokentide import clock
from tokentide.api.late_store import LateStore
from tokentide.api.times import iso_day, iso_millis
from tokentide.errors import StoreUnavailable
from tokentide.serving.app import create_app
from tokentide.store import Query, Store, open_store
from tokentide.store.access import create_key, make_projects, revoke_key

__all__ = ["HOSTILE", "Served", "an_event_now", "served"]

HOSTILE = '<img src="x" onerror="document.title = \'run\'">'
"""A model's name that is markup."""

_REFRESH_SECONDS = 0.3


class Switched(LateStore):
    """A store that can be taken away."""

    away = False

    def ask(self, query: Query) -> list[tuple[Any, ...]]:
        if self.away:
            raise StoreUnavailable("switched off")
        return super().ask(query)


class Served:
    """Where the page is, and what happens behind it.

    Attributes:
        url: of the API.
        calls: what counts of the events of the projects `p` and `q`, for the oracle.
        day: the day on which they were.
    """

    def __init__(self, url: str, store: Store, reading: Switched) -> None:
        self.url, self.day = url, iso_day(clock.now_ms() - DAY_MS)
        self._store, self.reading = store, reading
        events = [event | {"timestamp": self.day + event["timestamp"][10:]} for event in made_up_events(3, 800)]
        log = fold_into(store, events + events[:100], clock.now_ms())
        self.calls: list[Call] = calls(Sent(*entry) for entry in log)
        make_projects(store, "org", ["p", "q", "live", "hostile"])
        self.note_progress()

    def store_events(self, *events: dict[str, Any]) -> None:
        """Store all events of a project, those that are there already among them."""
        fold_into(self._store, events, clock.now_ms())
        self.note_progress()

    def note_progress(self) -> None:
        """Everything until now is stored."""
        now_ms = clock.now_ms()
        columns = ("topic", "partition", "position", "log_time_ms", "record_time_ms", "record_hash", "through_ms")
        row = [["llm.events"], [0], [now_ms], [now_ms], [now_ms], [0], [now_ms]]
        self._store.insert("progress", (*columns, "epoch", "version"), [*row, [0], [now_ms]])

    def key(self, role: str = "read", org: str = "org", projects: tuple[str, ...] = ()) -> tuple[str, str]:
        """The id of a new key, and the key."""
        made = create_key(self._store, role=role, org=org, projects=projects, now_ms=clock.now_ms())
        return made.id, made.key

    def revoke(self, key_id: str) -> None:
        """Make a key open nothing any more."""
        revoke_key(self._store, key_id, clock.now_ms())


def an_event_now(project: str = "live", **fields: Any) -> dict[str, Any]:
    """A call of this moment."""
    return {
        "event_id": str(uuid4()),
        "project_id": project,
        "timestamp": iso_millis(clock.now_ms()),
        "provider": "openai",
        "model": "gpt-4o",
        "status": "success",
        "latency_ms": 812.5,
        "input_tokens": 1200,
        "output_tokens": 310,
        "cost_usd": "0.0061",
    } | fields


@contextmanager
def served(dsn: str) -> Iterator[Served]:
    """An API on a port of its own."""
    with migrated(dsn) as store:
        [(database,)] = store.ask(Query("database", "SELECT currentDatabase()"))
        with closing(Switched(partial(open_store, dsn, database, read_only=True))) as reading:
            app = create_app(settings_of("chdb:///never-opened", database), reading)
            app.state.access._refresh_seconds = _REFRESH_SECONDS
            listening = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            try:
                until(lambda: server.started, seconds=60)
                yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", store, reading)
            finally:
                server.should_exit = True
                thread.join(30)
