"""A topic, its tables and worker processes on them: what was sent, and what the store says about it."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.builders import HOUR_MS, an_event, line
from tests.oracle.log import Sent, calls
from tokentide import clock
from tokentide.embedded.clickhouse import ClickHouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.processes import Child, wait_until_ready
from tokentide.kafka import ensure_topics, kafka_options
from tokentide.settings import Settings, environment_of
from tokentide.store import Query, open_store
from tokentide.store.migrate import migrate

PARTITIONS = 4
STATUSES = ("success", "success", "success", "error", "timeout", "rate_limited", "cancelled")
BAD = b'{"event_id": 5}'
Record = tuple[int, list[Any], bytes]
"""A partition, the parts of a record (events, or bytes that are none), and its value."""

_PATIENCE_SECONDS = 30.0


@dataclass
class Machine:
    """The parts that all tests share."""

    folder: DataFolder
    kafka: str
    store: ClickHouse
    children: dict[str, Child]

    def kill_store(self) -> None:
        """End it at once, as the kernel does."""
        self.children["clickhouse"].kill()

    def start_store(self) -> None:
        """Start it again, where it was."""
        part = self.store.part
        self.children["clickhouse"] = child = part.start()
        wait_until_ready(child, part.is_ready, part.ready_deadline_seconds)


class WorkerProcess:
    """One `tokentide worker`."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where its metrics and probes are, as it said itself."""
        if self._url is None:
            self._url = until(lambda: re.search(r"probes on (http://\S+)", self.said()), "the worker serves", 20)[1]
        return self._url

    def said(self) -> str:
        """Everything that it logged."""
        return self.child.log.read_text(encoding="utf-8") if self.child.log.exists() else ""

    def ready(self) -> int:
        """What /readyz answers; 0 when nothing does."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until_ready(self) -> WorkerProcess:
        """Wait for partitions and their state."""
        until(lambda: self.ready() == 200, "the worker is ready", 20)
        return self

    def metric(self, name: str, **labels: str) -> float:
        """A metric, added up over the labels that are not given."""
        return sum(value for found, value in self.samples(name) if labels.items() <= found.items())

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        """The labels and values of a metric."""
        return [(labels, value) for found, labels, value in self.scrape() if found == name]

    def scrape(self) -> list[tuple[str, dict[str, str], float]]:
        """Names, labels and values of all metrics as of one moment."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return [(s.name.removeprefix("tokentide_"), s.labels, s.value) for family in families for s in family.samples]

    def partitions(self) -> set[int]:
        """Those that it holds and has stored something of."""
        return {int(labels["partition"]) for labels, _ in self.samples("lag_records")}

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.child.ask_to_stop()
        return self.child.wait(30)


@dataclass
class Log:
    """What was acknowledged: valid events, refused bytes by origin, and the end of each partition."""

    sent: list[Sent] = field(default_factory=list)
    refused: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    ends: Counter[int] = field(default_factory=Counter)


class Deployment:
    """One topic with its own tables, group and workers; `settings` go before those that are made up here."""

    def __init__(self, machine: Machine, name: str, **settings: object) -> None:
        self.machine = machine
        self.log = Log()
        self.workers: list[WorkerProcess] = []
        self.settings = Settings.model_validate(
            {
                "kafka": machine.kafka,
                "clickhouse": machine.store.dsn,
                "database": name,
                "topic": name,
                "dead_topic": f"{name}.dead",
                "group": name,
                "metrics_port": 0,
                "flush_interval_seconds": 0.5,
            }
            | settings
        )

    def __enter__(self) -> Self:
        migrate(self.settings)
        asyncio.run(ensure_topics(self.settings, partitions=PARTITIONS))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.child.kill()

    # ---- workers

    def worker(self, program: tuple[str, ...] = ("-m", "tokentide", "worker"), **settings: object) -> WorkerProcess:
        """Start one, with settings of its own."""
        own = environment_of(self.settings.model_copy(update=settings))
        folder = self.machine.folder
        name = f"{self.settings.topic}-{len(self.workers)}"
        child = folder.spawn(name, [sys.executable, *program], env=own, cwd=folder.path)
        self.workers.append(WorkerProcess(child))
        return self.workers[-1]

    # ---- what is sent

    def send(self, records: Iterator[Record], pause_seconds: float = 0.0) -> None:
        """Write records, and note what was acknowledged."""
        asyncio.run(self._send(records, pause_seconds))

    @contextmanager
    def traffic(self, seed: int) -> Iterator[None]:
        """Some hundred records a second while the block lasts."""
        ended = threading.Event()

        def records() -> Iterator[Record]:
            for record in some_records(seed, 1 << 30):
                if ended.is_set():
                    return
                yield record

        thread = threading.Thread(target=self.send, args=(records(), 0.005))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(_PATIENCE_SECONDS)

    async def _send(self, records: Iterator[Record], pause_seconds: float) -> None:
        producer = AIOKafkaProducer(enable_idempotence=True, linger_ms=2, **kafka_options(self.settings))
        await producer.start()
        try:
            flying = []
            for partition, parts, value in records:
                flying.append((parts, await producer.send(self.settings.topic, value, partition=partition)))
                if pause_seconds:
                    await asyncio.sleep(pause_seconds)
            for parts, sent in flying:
                self._note(parts, await sent)
        finally:
            await producer.stop()

    def _note(self, parts: list[Any], place: Any) -> None:
        log, partition = self.log, place.partition
        log.ends[partition] = max(log.ends[partition], place.offset + 1)
        for index, part in enumerate(parts):
            if isinstance(part, dict):
                log.sent.append(Sent(partition, place.offset, place.timestamp, part))
            else:
                log.refused[partition, place.offset, index] = part

    # ---- what became of it

    def check(self) -> None:
        """Wait until everything is stored, and compare it with brute force."""
        self.until_stored()
        counted = calls(self.log.sent)
        assert self.stored() == self.expected()
        assert self.ask("SELECT count() FROM events FINAL") == [(len(counted),)]
        assert self.ask("SELECT count(DISTINCT event_id) FROM events FINAL") == [(len(counted),)]

    def until_stored(self) -> None:
        """Wait until the store says that it holds everything."""
        until(lambda: self.ask("SELECT partition, position FROM progress FINAL") == self._ends(), "all is stored")

    def expected(self) -> dict[tuple[Any, ...], tuple[int, ...]]:
        """Requests, errors, rate limits, tokens, nano-dollars and microseconds by project, hour and model."""
        totals: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for call in calls(self.log.sent):
            totals[call.project, call.ms // HOUR_MS * 3600, call.model].update(
                requests=1,
                errors=call.status in {"error", "timeout", "rate_limited"},
                limited=call.status == "rate_limited",
                tokens=call.read,
                nanos=int(call.cost * 10**9),
                micros=int(call.latency * 1000),
            )
        names = ("requests", "errors", "limited", "tokens", "nanos", "micros", "requests")
        return {place: tuple(found[name] for name in names) for place, found in totals.items()}

    def stored(self) -> dict[tuple[Any, ...], tuple[int, ...]]:
        """The same out of the rollup tables, and as often as there are requests, latencies."""
        found: dict[tuple[Any, ...], list[int]] = {}
        usage = "sum(requests), sum(error + timeout + rate_limited), sum(rate_limited), sum(input_tokens)"
        sums = {
            "usage_1h": f"{usage}, sum(cost_nanos), sum(latency_us)",
            "latency_1h": "sum(arraySum(latency_weights))",
        }
        for table, columns in sums.items():
            keys = "project_id, toUInt32(bucket), model"
            for row in self.ask(f"SELECT {keys}, {columns} FROM {table} FINAL GROUP BY {keys}"):
                found.setdefault(row[:3], []).extend(row[3:])
        return {place: tuple(values) for place, values in found.items()}

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """An answer of the store, in order."""
        with closing(open_store(self.settings.clickhouse.get_secret_value(), self.settings.database)) as store:
            return sorted(store.ask(Query("test", sql)))

    def dead(self) -> list[Any]:
        """Every record of the dead-letter topic."""
        return asyncio.run(self._dead())

    async def _dead(self) -> list[Any]:
        consumer = AIOKafkaConsumer(enable_auto_commit=False, **kafka_options(self.settings))
        await consumer.start()
        try:
            places = [TopicPartition(self.settings.dead_topic, number) for number in range(PARTITIONS)]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            ends, found = await consumer.end_offsets(places), []
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    def _ends(self) -> list[tuple[int, int]]:
        return [(partition, self.log.ends[partition]) for partition in range(PARTITIONS)]


def some_records(seed: int, count: int) -> Iterator[Record]:
    """Records of single events, NDJSON and arrays, of now and of some hours ago, with repeats and bad events."""
    random, known = Random(seed), defaultdict(lambda: deque(maxlen=50))  # type: ignore[var-annotated]
    for number in range(count):
        partition = number % PARTITIONS
        parts = [_some_part(random, known[partition]) for _ in range(random.choice([1, 1, 1, 5, 20]))]
        texts = [part if isinstance(part, bytes) else line(part) for part in parts]
        yield partition, parts, b"[" + b",".join(texts) + b"]" if random.random() < 0.3 else b"\n".join(texts)


def _some_part(random: Random, known: deque[dict[str, Any]]) -> Any:
    chance = random.random()
    if known and chance < 0.1:
        return random.choice(known)
    if chance < 0.15:
        return BAD
    age_ms = random.choice([0, 0, 0, 1, 5]) * HOUR_MS + random.randrange(600_000)
    known.append(
        an_event(
            random.getrandbits(40),
            at_ms=clock.now_ms() - age_ms,
            project_id=random.choice(["p", "q"]),
            model=random.choice(["gpt-4o", "claude"]),
            status=random.choice(STATUSES),
            latency_ms=random.randrange(10**7) / 1000,
            input_tokens=random.randrange(5000),
            cost_usd=f"{random.randrange(10**9) / 10**9:.9f}",
        )
    )
    return known[-1]


def until(holds: Callable[[], Any], what: str, seconds: float = _PATIENCE_SECONDS) -> Any:
    """The first true answer; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found
