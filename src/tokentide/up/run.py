"""How everything is brought up: Kafka and the store, then the schema, topics and keys, then workers and the API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import Part
from tokentide.embedded.supervisor import Supervisor
from tokentide.errors import SettingsError
from tokentide.kafka import ensure_topics
from tokentide.settings import Settings, environment_of
from tokentide.store.migrate import migrate
from tokentide.up import status
from tokentide.up.access import ensure_access
from tokentide.up.parts import api_part, worker_part
from tokentide.up.status import Ready

__all__ = ["UpOptions", "Upped", "brought_up", "for_people", "run_up"]

_logger = logging.getLogger(__name__)
_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `up` may be told.

    Attributes:
        data: where data is kept; None for a folder that goes away.
        kafka: address of a Kafka to use instead of the embedded one.
        clickhouse: DSN of a ClickHouse server to use instead of the embedded engine.
        workers: how many workers.
        projects: projects to make besides the first, which is `demo`.
        api_port: 0 for any free one, as with the other ports.
        metrics_port: of the first worker; each other takes the next, or any free one.
        kafka_port: of the embedded Kafka.
        clickhouse_port: of the embedded ClickHouse front.
    """

    data: Path | None = Path("tokentide-data")
    kafka: str | None = None
    clickhouse: str | None = None
    workers: int = 1
    projects: tuple[str, ...] = ()
    api_port: int = 8420
    metrics_port: int = 8421
    kafka_port: int = 0
    clickhouse_port: int = 0


@dataclass(slots=True)
class Upped:
    """A running `up`: what it is, and what it is now."""

    ready: Ready
    supervisor: Supervisor
    workers: int

    def now(self) -> Ready:
        """The ready line as of now: parts that were started again have other pids."""
        parts = self.supervisor.status()
        all_ready = all(part.state == "ready" for part in parts)
        return self.ready.with_pids({part.name: part.pid for part in parts}, self.workers, ready=all_ready)


async def run_up(settings: Settings, options: UpOptions, *, as_json: bool) -> int:
    """Bring everything up, say so on stdout, and stay until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    staying = asyncio.create_task(_stay(settings, options, stop, as_json=as_json))
    with _on_signals(lambda: _ask_to_stop(stop, staying)), contextlib.suppress(asyncio.CancelledError):
        await staying
    return 0


@contextlib.asynccontextmanager
async def brought_up(settings: Settings, options: UpOptions) -> AsyncIterator[Upped]:
    """Everything, running and ready, while the block lasts.

    Raises:
        SettingsError: the folder is in use, or a port is.
        DependencyUnavailable: a part did not come up.
    """
    with _folder(options.data) as folder:
        upped: Upped | None = None

        def on_change() -> None:
            if upped is not None:
                status.write(folder.path, upped.now())

        async with Supervisor(on_change=on_change) as supervisor:
            settings = await _start_dependencies(settings, options, folder, supervisor)
            await asyncio.to_thread(migrate, settings)
            await ensure_topics(settings, partitions=_PARTITIONS)
            ports = _ports(options, folder)
            ready = await asyncio.to_thread(_ready, settings, options, folder, ports)
            await supervisor.add(*_own_parts(settings, options, folder, ports))
            upped = Upped(ready, supervisor, options.workers)
            on_change()
            yield upped


async def _stay(settings: Settings, options: UpOptions, stop: asyncio.Event, *, as_json: bool) -> None:
    async with brought_up(settings, options) as upped:
        ready = upped.now()
        print(ready.line() if as_json else for_people(ready), flush=True)  # noqa: T201  this is the answer
        with contextlib.suppress(asyncio.CancelledError):
            await stop.wait()


def _ask_to_stop(stop: asyncio.Event, staying: asyncio.Task[None]) -> None:
    """Stop once, whether everything is up already or still on its way; asking again changes nothing."""
    if not stop.is_set():
        stop.set()
        staying.cancel()


@contextlib.contextmanager
def _on_signals(act: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    names = (signal.SIGINT, signal.SIGTERM)
    for name in names:
        loop.add_signal_handler(name, act)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[DataFolder]:
    path = data or Path(tempfile.mkdtemp(prefix="tokentide-"))
    try:
        with DataFolder(path) as folder:
            yield folder
    finally:
        if data is None:
            shutil.rmtree(path, ignore_errors=True)


async def _start_dependencies(
    settings: Settings, options: UpOptions, folder: DataFolder, supervisor: Supervisor
) -> Settings:
    """Start what is embedded; returns the settings with the addresses of now."""
    parts: list[Part] = []
    kafka, clickhouse = options.kafka, options.clickhouse
    if kafka is None:
        cluster = prepare_kafka(folder, client_ports=[options.kafka_port])
        parts += cluster.parts
        kafka = cluster.bootstrap
    if clickhouse is None:
        front = prepare_clickhouse(folder, port=options.clickhouse_port)
        parts.append(front.part)
        clickhouse = front.dsn
    await supervisor.add(*parts)
    return settings.model_copy(update={"kafka": kafka, "clickhouse": SecretStr(clickhouse)})


def _ports(options: UpOptions, folder: DataFolder) -> dict[str, int]:
    names = ["api", *(f"worker-{number}" for number in range(1, options.workers + 1))]
    ports = folder.ports([name + "-http" for name in names])
    found = {name: ports[name + "-http"] for name in names}
    if options.api_port:
        found["api"] = options.api_port
    if options.metrics_port:
        for number in range(1, options.workers + 1):
            found[f"worker-{number}"] = options.metrics_port + number - 1
    if len(set(found.values())) != len(found):
        raise SettingsError([f"two parts would share a port: {found}"])
    return found


def _own_parts(settings: Settings, options: UpOptions, folder: DataFolder, ports: dict[str, int]) -> list[Part]:
    environment = environment_of(settings)
    workers = [
        worker_part(folder, number, environment, ports[f"worker-{number}"]) for number in range(1, options.workers + 1)
    ]
    return [*workers, api_part(folder, environment, ports["api"])]


def _ready(settings: Settings, options: UpOptions, folder: DataFolder, ports: dict[str, int]) -> Ready:
    access = ensure_access(settings, folder.path, options.projects)
    return Ready(
        ready=True,
        kafka=settings.kafka,
        clickhouse=settings.clickhouse.get_secret_value(),
        api=f"http://127.0.0.1:{ports['api']}",
        metrics=[f"http://127.0.0.1:{ports[f'worker-{n}']}/metrics" for n in range(1, options.workers + 1)],
        project_id=access.project_id,
        org_id=access.org_id,
        ingest_key=access.ingest_key,
        read_key=access.read_key,
        pids={},
        data=str(folder.path),
    )


def for_people(ready: Ready) -> str:
    """The ready line in words, and as variables by which the commands find all of it."""
    return "\n".join(
        [
            "tokentide is up.",
            f"  page        {ready.api}/    sign in with the read key",
            f"  API         {ready.api}    documentation at {ready.api}/docs",
            f"  Kafka       {ready.kafka}    topic of the events: see `tokentide settings`",
            f"  ClickHouse  {ready.clickhouse}",
            f"  metrics     {' '.join(ready.metrics)}",
            f"  data        {ready.data}",
            "For the commands, in another terminal:",
            f"  export TOKENTIDE_KAFKA={ready.kafka} TOKENTIDE_CLICKHOUSE={shlex.quote(ready.clickhouse)}",
            f"  export TOKENTIDE_URL={ready.api} TOKENTIDE_API_KEY={ready.read_key}",
            f"  export READ_KEY={ready.read_key} INGEST_KEY={ready.ingest_key}",
            "Ask it:",
            f'  curl -H "Authorization: Bearer $READ_KEY" {ready.api}/v1/projects/{ready.project_id}/overview',
            "Ctrl-C stops everything.",
        ]
    )
