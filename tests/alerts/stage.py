"""What alerts are about: a worker and an API on real Kafka and ClickHouse, traffic, and a Prometheus that watches."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx

from tests.alerts.watching import Watching, watching
from tests.builders import HOUR_MS, an_event, line
from tests.integration.deployment import PARTITIONS, Deployment, Record, WorkerProcess, until
from tests.store_fixtures import free_port
from tokentide import clock
from tokentide.embedded.processes import Child
from tokentide.settings import environment_of
from tokentide.store import open_store
from tokentide.store.access import create_key

__all__ = ["QUOTA", "SETTINGS", "Stage"]

QUOTA = 1_000_000
SETTINGS = {
    "max_dirty_buckets": 40,
    "max_names_per_hour": 60,
    "dead_ratio_limit": 1.0,
    "monthly_quota_events": QUOTA,
}
"""Of the deployment: what would take long to fill is small."""

_BAD = b'{"event_id": 5}'


class Stage:
    """The processes of one story.

    Attributes:
        deployment: topic, tables and workers.
        prometheus: who watches them.
        worker: the first worker.
    """

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment = deployment
        self._folder = folder
        self._closing = ExitStack()
        self._api: Child | None = None
        self._numbers = iter(range(1, 1 << 40))

    def __enter__(self) -> Self:
        with ExitStack() as closing_now:
            self.prometheus: Watching = closing_now.enter_context(watching(self._folder))
            self.worker: WorkerProcess = self.deployment.worker().until_ready()
            self._make_keys()
            self.start_api()
            closing_now.callback(self.stop_api)
            self._closing = closing_now.pop_all()
        self.watch(self.worker)
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    # ---- processes

    @property
    def api(self) -> Child:
        """The process of the API."""
        assert self._api is not None
        return self._api

    def start_api(self, **settings: object) -> None:
        """Start the API, with settings of its own; it answers when this returns."""
        self._port = free_port()
        chosen = self.deployment.settings.model_copy(update={"api_port": self._port, **settings})
        folder = self.deployment.machine.folder
        name = f"{chosen.topic}-api-{self._port}"
        command = [sys.executable, "-m", "tokentide", "api"]
        self._api = folder.spawn(name, command, env=environment_of(chosen), cwd=folder.path)
        until(lambda: self.ask("/readyz") == 200, "the API is ready", 60)

    def stop_api(self) -> None:
        """End the API at once."""
        if self._api is not None:
            self._api.kill()

    def watch(self, *workers: WorkerProcess) -> None:
        """Have these workers, and the API, scraped from now on."""
        places = [worker.url.removeprefix("http://") for worker in workers]
        self.prometheus.watch({"worker": places, "api": [f"127.0.0.1:{self._port}"]})

    # ---- what is sent and asked

    def ask(self, path: str = "/v1/performance?projectId=p", seconds: float = 20) -> int:
        """The status of a GET; 0 when there was no answer."""
        with suppress(httpx.TransportError):
            return httpx.get(
                f"http://127.0.0.1:{self._port}{path}", headers=self._read_key, timeout=seconds
            ).status_code
        return 0

    def post(self, events: int = 1, seconds: float = 20) -> int:
        """Send so many events over HTTP: the status; 0 when there was no answer."""
        body = b"\n".join(self._a_good_line(None) for _ in range(events))
        headers = {"x-api-key": self._ingest_key, "content-type": "application/x-ndjson"}
        url = f"http://127.0.0.1:{self._port}/v1/ingest"
        with suppress(httpx.TransportError):
            return httpx.post(url, content=body, headers=headers, timeout=seconds).status_code
        return 0

    @contextmanager
    def traffic(self, *, bad: int = 0, hours_old: int = 0, models: int = 50) -> Iterator[None]:
        """Some records a second to every partition while the block lasts, of so many models.

        Of ten of them, `bad` are no events.
        """
        ended = threading.Event()

        def records() -> Iterator[Record]:
            while not ended.is_set():
                number = next(self._numbers)
                good = self._a_good_line("p", hours_old, f"m{number % models}")
                yield number % PARTITIONS, [], _BAD if number % 10 < bad else good

        thread = threading.Thread(target=self.deployment.send, args=(records(), 0.01))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(60)

    @contextmanager
    def again_and_again(self, act: Callable[[], Any], pause_seconds: float = 0.1) -> Iterator[None]:
        """Do something over and over beside the block; its last time may outlast it a little."""
        ended = threading.Event()

        def repeat() -> None:
            while not ended.is_set():
                act()
                ended.wait(pause_seconds)

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(60)

    def store_some(self, events: int = 200) -> None:
        """Send so many events, or some more, and wait until they are stored."""
        before = self.worker.metric("events_total")
        with self.traffic():
            until(lambda: self.worker.metric("events_total") >= before + events, "events are folded", 60)
        self.until_stored()

    def until_stored(self, seconds: float = 60) -> None:
        """Wait until no record waits for a worker."""
        until(lambda: self.worker.ready() == 200, "the worker is ready", seconds)
        until(lambda: self.worker.metric("lag_records") == 0, "everything is stored", seconds)

    def _a_good_line(self, project: str | None, hours_old: int = 0, model: str = "m") -> bytes:
        at_ms = clock.now_ms() - hours_old * HOUR_MS
        return line(an_event(time.time_ns(), at_ms=at_ms, project_id=project, model=model))

    def _make_keys(self) -> None:
        settings = self.deployment.settings
        with closing(open_store(settings.clickhouse.get_secret_value(), settings.database)) as store:
            now_ms = clock.now_ms()
            read = create_key(store, role="read", org="org", projects=["p"], now_ms=now_ms)
            ingest = create_key(store, role="ingest", org="org", projects=["p"], now_ms=now_ms)
        self._read_key = {"Authorization": f"Bearer {read.key}"}
        self._ingest_key = ingest.key
