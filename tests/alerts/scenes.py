"""What makes each alert fire? A scene does it to real processes, and undoes it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from tests.alerts.stage import QUOTA, Stage
from tests.integration.deployment import until
from tokentide.kafka import kafka_options

__all__ = ["SCENES", "Scene", "play"]

_FIRE_SECONDS = 90
_RESOLVE_SECONDS = 90
_HANG_SECONDS = 6.0

ANOTHER_RELEASE = """
import sys, tokentide
tokentide.__version__ = "99.0"
from tokentide.cli import main
from tokentide.worker import pipeline
count = pipeline.count_folded
def forgetful(metrics, partition, counts):
    count(metrics, partition, counts)
    metrics.counter("read_events").labels(str(partition)).inc(counts.read)
pipeline.count_folded = forgetful
sys.argv = ["tokentide", "worker"]
main()
"""
"""A worker of another version, which loses sight of events."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that happens.

    Attributes:
        alerts: what fires while it lasts, or by its end.
        happening: does it to a stage; inside the block it lasts, behind it it is over.
    """

    alerts: frozenset[str]
    happening: Callable[[Stage], AbstractContextManager[None]]

    @property
    def name(self) -> str:
        """What happens, in words."""
        return self.happening.__name__.replace("_", " ")


def play(stage: Stage, scene: Scene) -> tuple[float, float]:
    """Let a scene happen; returns after how many seconds all of its alerts had fired, and were resolved.

    Raises:
        AssertionError: one of them did not fire, or did not resolve.
    """

    def still() -> set[str]:
        return set(scene.alerts & stage.prometheus.firing())

    _wait(lambda: not still(), _RESOLVE_SECONDS, lambda: f"{sorted(still())} fire already")
    began = time.monotonic()

    def missing() -> set[str]:
        return set(scene.alerts - stage.prometheus.fired(time.monotonic() - began + 1))

    with scene.happening(stage):
        _wait(lambda: not missing(), _FIRE_SECONDS, lambda: f"{sorted(missing())} did not fire")
        fired_seconds = time.monotonic() - began
        broken = [text for text in stage.prometheus.texts() if not text or "<" in text]  # as Prometheus says it failed
        assert not broken, f"{broken} cannot be read"
    ended = time.monotonic()
    _wait(lambda: not still(), _RESOLVE_SECONDS, lambda: f"{sorted(still())} did not resolve")
    return fired_seconds, time.monotonic() - ended


def _wait(holds: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.3)


@contextmanager
def many_events_are_refused(stage: Stage) -> Iterator[None]:
    """A producer sends what is no event, beside what is."""
    with stage.traffic(bad=5):
        yield
    stage.until_stored()


@contextmanager
def the_worker_freezes(stage: Stage) -> Iterator[None]:
    """The only worker stops in its tracks: its partitions have nobody, and no scrape is answered."""
    stage.worker.child.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stage.worker.child.send_signal(signal.SIGCONT)
    stage.until_stored()


@contextmanager
def the_api_freezes(stage: Stage) -> Iterator[None]:
    """The only API process stops in its tracks."""
    stage.api.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stage.api.send_signal(signal.SIGCONT)


@contextmanager
def the_store_hangs(stage: Stage) -> Iterator[None]:
    """ClickHouse takes connections and answers nothing, while events and questions come."""
    store = stage.deployment.machine.children["clickhouse"]
    store.send_signal(signal.SIGSTOP)
    try:
        with stage.traffic():
            yield
    finally:
        store.send_signal(signal.SIGCONT)
    stage.until_stored()


@contextmanager
def the_store_is_slow(stage: Stage) -> Iterator[None]:
    """ClickHouse answers only after seconds, again and again."""
    store = stage.deployment.machine.children["clickhouse"]

    def stall() -> None:
        store.send_signal(signal.SIGSTOP)
        time.sleep(_HANG_SECONDS)
        store.send_signal(signal.SIGCONT)

    with stage.traffic(), stage.again_and_again(stage.ask, 0.05), stage.again_and_again(stall, 1.0):
        yield
    stage.until_stored()


@contextmanager
def the_store_is_away(stage: Stage) -> Iterator[None]:
    """ClickHouse was killed; events of hours ago come, whose rows must be read back first, and questions."""
    stage.store_some()  # a partition of which nothing was ever stored has nothing to read back
    stage.deployment.machine.kill_store()
    with stage.traffic(hours_old=5), stage.again_and_again(stage.ask):
        try:
            yield
        finally:
            stage.deployment.machine.start_store()
    stage.until_stored()


@contextmanager
def kafka_freezes(stage: Stage) -> Iterator[None]:
    """The broker answers nothing, and events come over HTTP."""
    broker = next(child for name, child in stage.deployment.machine.children.items() if "kafka" in name)
    broker.send_signal(signal.SIGSTOP)
    try:
        with stage.again_and_again(lambda: stage.post(seconds=30)):
            yield
            broker.send_signal(signal.SIGCONT)  # before the last request is waited for
    finally:
        broker.send_signal(signal.SIGCONT)
    stage.until_stored()


@contextmanager
def another_release_joins(stage: Stage) -> Iterator[None]:
    """Beside the worker starts one of another version, which takes over partitions and loses sight of events."""
    other = stage.deployment.worker(program=("-c", ANOTHER_RELEASE))
    until(lambda: other.ready() == 200, "the other worker has partitions", 60)
    stage.watch(stage.worker, other)
    with stage.traffic():
        yield
    other.stop()
    stage.watch(stage.worker)
    stage.until_stored()


@contextmanager
def a_producer_uses_transactions(stage: Stage) -> Iterator[None]:
    """Its marks take offsets at which there is no record."""
    topic = stage.deployment.settings.topic

    async def send() -> None:
        producer = AIOKafkaProducer(transactional_id=f"{topic}-marks", **kafka_options(stage.deployment.settings))
        await producer.start()
        async with producer.transaction():
            for partition in range(4):
                await producer.send_and_wait(topic, b"{}", partition=partition)
        await producer.stop()

    asyncio.run(send())
    with stage.traffic():
        yield
    stage.until_stored()


@contextmanager
def names_have_no_end(stage: Stage) -> Iterator[None]:
    """A producer puts a number into the name of its model."""
    with stage.traffic(models=1 << 40):
        yield
    stage.until_stored()


@contextmanager
def someone_asks_too_often(stage: Stage) -> Iterator[None]:
    """A key of the free tier asks Perf's metrics many times a minute."""
    with stage.again_and_again(lambda: stage.ask("/v1/metrics/overview?projectId=p"), 0.05):
        yield


@contextmanager
def a_quota_is_used_up(stage: Stage) -> Iterator[None]:
    """An organisation has sent nearly all that it may, and goes on."""
    stage.store_some()
    quota = int(_used(stage) / 0.95)
    stage.stop_api()
    stage.start_api(monthly_quota_events=quota)
    stage.watch(stage.worker)
    with stage.again_and_again(lambda: stage.post(min(quota // 4, 500))):
        yield
    stage.stop_api()
    stage.start_api(monthly_quota_events=QUOTA)
    stage.watch(stage.worker)


def _used(stage: Stage) -> int:
    """Events of the month that are stored already."""
    return int(stage.deployment.ask("SELECT sum(requests) FROM usage_hourly WHERE hour >= toStartOfMonth(now())")[0][0])


SCENES = tuple(
    Scene(frozenset(f"Tokentide{name}" for name in names.split()), happening)
    for names, happening in [
        ("DeadLetters DeadLettersMany", many_events_are_refused),
        ("NoWorker WorkerDown PartitionsUnassigned", the_worker_freezes),
        ("NoApi ApiDown", the_api_freezes),
        ("RateLimitedMuch", someone_asks_too_often),
        ("Paused DataLate DataVeryLate LagGrowing NoWorkerReady WorkerNotReady", the_store_hangs),
        ("FlushSlow StoreSlow ApiSlow", the_store_is_slow),
        ("FlushFailing Retrying ApiErrors", the_store_is_away),
        ("IngestUnavailable", kafka_freezes),
        ("EventsUnaccounted VersionsMixed RebalanceStorm", another_release_joins),
        ("OffsetsMissing", a_producer_uses_transactions),
        ("NamesCapped", names_have_no_end),
        ("QuotaNear QuotaExhausted", a_quota_is_used_up),
    ]
)
"""All scenes; together they let every alert fire."""
