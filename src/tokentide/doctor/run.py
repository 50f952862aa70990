"""What `tokentide doctor` does, put together: checks in an order in which each needs only what answered before it.

A check that fails or does not end is a finding of its own, and the others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from tokentide import __version__
from tokentide.clock import now_ms
from tokentide.doctor.finding import Finding
from tokentide.doctor.gathering import kafka, services, store
from tokentide.doctor.judging.access import judge_access
from tokentide.doctor.judging.clocks import Clocks, judge_clocks
from tokentide.doctor.judging.group import judge_group
from tokentide.doctor.judging.services import Service, judge_services
from tokentide.doctor.judging.settings import judge_settings, judge_unknown, judge_wrong
from tokentide.doctor.judging.store import judge_health, judge_schema
from tokentide.doctor.judging.topics import Cluster, Topic, judge_topics
from tokentide.doctor.kinds import found
from tokentide.doctor.report import Check, Report
from tokentide.dsn import hide_password
from tokentide.errors import DependencyUnavailable, SettingsError, StoreRejected, StoreUnavailable
from tokentide.settings import Settings
from tokentide.store import open_store
from tokentide.store.port import ReadLimits, Store
from tokentide.store.rows import Progress, read_progress

__all__ = ["Asked", "examine"]

_T = TypeVar("_T")
_MEMORY_BYTES = 1_000_000_000
_KAFKA, _STORE, _SCHEMA = "Kafka", "ClickHouse", "the schema"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the doctor is told besides the settings.

    Attributes:
        sources: by the name of each variable that is set: where.
        unknown: variables that look like settings and are none.
        outage_seconds: how long workers may be down without a loss.
        timeout_seconds: how long a check may take.
        workers: addresses of workers that should run.
        apis: addresses of API processes that should run.
        watch_seconds: how long to wait for a record that tells Kafka's clock.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    outage_seconds: int = 86_400
    timeout_seconds: float = 20.0
    workers: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    watch_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class _Step:
    """A check: what it needs of those before it, and what it gives to those after it by ending well."""

    name: str
    look: Callable[[], Awaitable[list[Finding]]]
    needs: frozenset[str] = frozenset()
    gives: str = ""


async def examine(settings: Settings, asked: Asked, on_check: Callable[[int, int], None] = lambda *_: None) -> Report:
    """Run every check.

    Args:
        settings: of the deployment.
        asked: how to look, and at what besides.
        on_check: told of each check that ended: how many did, of how many.
    """
    examination = _Examination(settings, asked)
    stages = examination.stages()
    whole, ended = sum(map(len, stages)), 0
    for stage in stages:
        for check in asyncio.as_completed([examination.run(step) for step in stage]):
            await check
            ended += 1
            on_check(ended, whole)
    return examination.report


class _Examination:
    def __init__(self, settings: Settings, asked: Asked) -> None:
        self._settings = settings
        self._asked = asked
        self._there: set[str] = set()
        self._cluster: Cluster | None = None
        self.report = Report()

    def stages(self) -> list[list[_Step]]:
        """The checks: those of a stage run side by side."""
        kafka_and_store = frozenset({_KAFKA, _SCHEMA})
        first = [
            _Step("settings", self._look_at_settings),
            _Step("topics", self._look_at_topics, gives=_KAFKA),
            _Step("ClickHouse", self._reach_the_store, gives=_STORE),
            _Step("session keys", partial(services.look_at_session_keys, self._settings)),
            _Step("shared rate limits", partial(services.look_at_rate_limits, self._settings)),
            _Step("services", self._look_at_services),
        ]
        second = [
            _Step("schema", self._look_at_schema, frozenset({_STORE})),
            _Step("parts, disks, replicas", self._look_at_health, frozenset({_STORE})),
        ]
        third = [
            _Step("consumer group", self._look_at_group, kafka_and_store),
            _Step("clocks", self._look_at_clocks, kafka_and_store),
            _Step("access keys", self._look_at_access, frozenset({_SCHEMA})),
        ]
        return [first, second, third]

    async def run(self, step: _Step) -> None:
        """Run a check, come what may."""
        missing = sorted(step.needs - self._there)
        if missing:
            self.report.add(Check(step.name, "not run", 0.0, f"it needs {' and '.join(missing)}"), [])
            return
        began = time.monotonic()
        findings, ended_well = await self._outcome(step)
        if ended_well and step.gives:
            self._there.add(step.gives)
        self.report.add(Check(step.name, "found" if findings else "ok", time.monotonic() - began), findings)

    async def _outcome(self, step: _Step) -> tuple[list[Finding], bool]:
        """What a check found, and whether it could be carried out."""
        try:
            async with asyncio.timeout(self._asked.timeout_seconds):
                return await step.look(), True
        except Exception as error:  # noqa: BLE001  one check that fails must not hide what the others find
            return self._told(step, error), False

    def _told(self, step: _Step, error: Exception) -> list[Finding]:
        """What it means that a check could not be carried out."""
        store_at = hide_password(self._settings.clickhouse.get_secret_value())
        match error:
            case TimeoutError():
                what = f"not done after {self._asked.timeout_seconds:g} seconds"
                return [found("check_timed_out", step.name, what)]
            case DependencyUnavailable():
                return [found("kafka_unreachable", self._settings.kafka, str(error))]
            case StoreUnavailable():
                return [found("store_unreachable", store_at, str(error))]
            case StoreRejected():
                return [found("store_refuses", store_at, str(error))]
            case SettingsError():
                return judge_wrong(error.problems, self._asked.sources)
            case _:
                return [found("check_failed", step.name, repr(error))]

    async def _look_at_settings(self) -> list[Finding]:
        sources = self._asked.sources
        return [*judge_unknown(self._asked.unknown, sources), *judge_settings(self._settings, sources)]

    async def _look_at_topics(self) -> list[Finding]:
        self._cluster = await kafka.gather_cluster(self._settings)
        if self._cluster.brokers == 1:
            self.report.notes.append("one broker, and so one copy of each record: enough for one machine")
        return judge_topics(self._settings, self._cluster, self._asked.outage_seconds)

    async def _reach_the_store(self) -> list[Finding]:
        await self._ask(store.gather_skew, database="")
        return []

    async def _look_at_health(self) -> list[Finding]:
        health = partial(store.gather_health, database=self._settings.database)
        return judge_health(await self._ask(health, database=""))

    async def _look_at_schema(self) -> list[Finding]:
        schema = await self._ask(partial(store.gather_schema, settings=self._settings))
        if schema.version:  # else there are no tables to be asked
            self._there.add(_SCHEMA)
        return judge_schema(self._settings, schema)

    async def _look_at_group(self) -> list[Finding]:
        group = await kafka.gather_group(self._settings, self._partitions(), self._progress)
        return judge_group(self._settings, group, now_ms())

    async def _look_at_clocks(self) -> list[Finding]:
        skew, progress = await self._ask(store.gather_skew), await self._progress()
        seconds = self._asked.watch_seconds
        skews = await kafka.gather_skews(self._settings, self._partitions(), seconds) if self._stamped() else []
        if not skews:
            self.report.notes.append("Kafka's clock is only told by records that it stamped, and there is none yet")
        log_times = {number: one.position.log_time_ms for number, one in progress.items()}
        return judge_clocks(self._settings, Clocks(skew, tuple(skews), log_times), now_ms())

    async def _look_at_access(self) -> list[Finding]:
        keys, projects = await self._ask(store.gather_access)
        return judge_access(keys, projects, now_ms())

    async def _look_at_services(self) -> list[Finding]:
        found_services = await asyncio.gather(*self._services())
        for service in found_services:
            if service.failure and not service.is_expected:
                self.report.notes.append(f"no {service.name} was looked at: {service.url}: {service.failure}")
        return judge_services(found_services, __version__)

    def _services(self) -> Iterable[Awaitable[Service]]:
        settings = self._settings
        for name, told, host, port in (
            ("worker", self._asked.workers, settings.metrics_host, settings.metrics_port),
            ("API", self._asked.apis, settings.api_host, settings.api_port),
        ):
            for url in told:
                yield services.gather_service(name, url, is_expected=True)
            if not told and port:
                yield services.gather_service(name, f"http://{host}:{port}", is_expected=False)

    async def _progress(self) -> Mapping[int, Progress]:
        return await self._ask(partial(read_progress, topic=self._settings.topic))

    async def _ask(self, question: Callable[[Store], _T], database: str | None = None) -> _T:
        """An answer of the store, of our database when no other is named."""

        def ask() -> _T:
            settings = self._settings
            limits = ReadLimits(max(1, round(self._asked.timeout_seconds)), _MEMORY_BYTES)
            place = settings.clickhouse_dsn, settings.database if database is None else database
            with closing(open_store(*place, read_only=True, cluster=settings.cluster, limits=limits)) as opened:
                return question(opened)

        return await asyncio.to_thread(ask)

    @property
    def _topic(self) -> Topic | None:
        return self._cluster.topics.get(self._settings.topic) if self._cluster else None

    def _partitions(self) -> list[int]:
        return [partition.number for partition in self._topic.partitions] if self._topic else []

    def _stamped(self) -> bool:
        """Whether the brokers give records their times."""
        return bool(self._topic and self._topic.settings.get("message.timestamp.type") == "LogAppendTime")
