"""What does Kafka tell: about its topics, the workers' group, and the time?"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
    for_code,
)

from tokentide.clock import now_ms
from tokentide.doctor.judging.clocks import Skew
from tokentide.doctor.judging.group import Group, ReadPartition
from tokentide.doctor.judging.topics import Cluster, Partition, Topic
from tokentide.errors import DependencyUnavailable
from tokentide.events import RawRecord
from tokentide.kafka import administration
from tokentide.rollups import hash_of
from tokentide.settings import Settings
from tokentide.store.rows import Progress
from tokentide.worker.adapters import KafkaLog

__all__ = ["ReadProgress", "gather_cluster", "gather_group", "gather_skews"]

_MOST_LOOKED_AT = 64  # partitions of which a record is read
_COORDINATOR_SECONDS = 10.0
_LOOK_SECONDS = 0.1
_NOT_COORDINATED = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
_T = TypeVar("_T")

ReadProgress = Callable[[], Awaitable[Mapping[int, Progress]]]


async def gather_cluster(settings: Settings) -> Cluster:
    """The brokers, and those of our topics that are there.

    Raises:
        DependencyUnavailable: Kafka does not answer, or does not let us look.
    """
    wanted = [settings.topic, settings.dead_topic]
    async with administration(settings) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        described = [entry for entry in await admin.describe_topics(wanted) if entry["partitions"]]
        names = [entry["topic"] for entry in described]
        configured = await _configured(admin, names)
    topics = {
        entry["topic"]: Topic(entry["topic"], _partitions(entry["partitions"]), configured[entry["topic"]])
        for entry in described
    }
    return Cluster(settings.kafka, brokers, topics)


async def gather_group(settings: Settings, partitions: Iterable[int], read_progress: ReadProgress) -> Group:
    """How far the group has read, in an order in which a running worker cannot look as if it contradicted itself.

    What is committed is asked first, what is stored then, and the log's ends last: each can only have grown.

    Raises:
        DependencyUnavailable: Kafka does not answer.
        StoreUnavailable, StoreRejected: the store does not tell progress.
    """
    numbers = sorted(partitions)
    async with administration(settings) as admin:
        members = await _once_coordinated(lambda: _members(admin, settings))
        committed = await _once_coordinated(lambda: _committed(admin, settings))
    if not numbers:
        return Group(members, ())
    progress = await read_progress()
    async with _log(settings) as log:
        bounds = await log.bounds(numbers)
        read = []
        for number in numbers:
            position = progress[number].position if number in progress else None
            held = bounds[number]
            read.append(ReadPartition(number, held.begin, held.end, committed.get(number), position))
        by_lag = sorted(read, key=lambda one: one.stored - one.end)
        looked = [await _looked_into(log, one, settings) for one in by_lag[:_MOST_LOOKED_AT]]
    rest = by_lag[_MOST_LOOKED_AT:]
    return Group(members, tuple(sorted([*looked, *rest], key=lambda one: one.number)))


async def gather_skews(settings: Settings, partitions: Iterable[int], watch_seconds: float) -> list[Skew]:
    """What the brokers' stamps tell of their clocks; only for a topic that they stamp.

    The newest record of a partition cannot be from later than now; one that arrives while we look is from then.

    Args:
        settings: where Kafka is, and which topic.
        partitions: of the topic.
        watch_seconds: how long to wait for a record to arrive.

    Raises:
        DependencyUnavailable: Kafka does not answer.
    """
    numbers = sorted(partitions)[:_MOST_LOOKED_AT]
    if not numbers:
        return []
    async with _log(settings) as log:
        began_ms = now_ms()
        ends = await log.ends(numbers)
        skews = []
        for number, end in ends.items():
            newest = await _record(log, number, end - 1)
            if newest is not None:
                skews.append(Skew(newest.timestamp - now_ms(), math.inf))
        arrived = await _arrived(log, ends, watch_seconds)
        if arrived is not None:
            skews.append(Skew(arrived.timestamp - now_ms(), arrived.timestamp - began_ms))
    return skews


async def _arrived(log: KafkaLog, before: Mapping[int, int], watch_seconds: float) -> RawRecord | None:
    """The first record that arrives in that time; None when none does."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch_seconds
    while loop.time() < deadline:
        ends = await log.ends(before)
        for number, end in ends.items():
            if end > before[number]:
                return await _record(log, number, before[number])
        await asyncio.sleep(_LOOK_SECONDS)
    return None


async def _looked_into(log: KafkaLog, partition: ReadPartition, settings: Settings) -> ReadPartition:
    """With the first record that waits, and the last one that was stored."""
    position, since, is_same = partition.position, None, None
    if partition.end > partition.stored and (position is None or position.epoch == settings.topic_epoch):
        waiting = await _record(log, partition.number, max(partition.stored, partition.begin))
        since = waiting.timestamp if waiting else None
    if position is not None and partition.begin < position.offset <= partition.end:
        last = await _record(log, partition.number, position.offset - 1)
        is_same = hash_of(last.value) == position.record_hash if last else None
    return ReadPartition(
        partition.number, partition.begin, partition.end, partition.committed, position, since, is_same
    )


async def _record(log: KafkaLog, partition: int, offset: int) -> RawRecord | None:
    """The record at an offset; None when there is none."""
    found = None
    if offset >= 0:
        async for records in log.read(partition, offset, offset + 1):
            found = next((record for record in records if record.offset == offset), found)
    return found


@asynccontextmanager
async def _log(settings: Settings) -> AsyncIterator[KafkaLog]:
    log = KafkaLog(settings)
    try:
        yield log
    finally:
        await log.close()


async def _configured(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
    answers = await admin.describe_configs(wanted) if wanted else []
    found = {}
    for resource in (resource for answer in answers for resource in answer.to_object()["resources"]):
        _require(resource["error_code"], f"the settings of topic {resource['resource_name']}")
        entries = resource["config_entries"]
        found[resource["resource_name"]] = {entry["config_names"]: entry["config_value"] for entry in entries}
    return found


def _partitions(described: Iterable[Mapping[str, Any]]) -> tuple[Partition, ...]:
    return tuple(
        sorted(
            (Partition(p["partition"], p["leader"], len(p["replicas"]), len(p["isr"])) for p in described),
            key=lambda partition: partition.number,
        )
    )


async def _once_coordinated(ask: Callable[[], Awaitable[_T]]) -> _T:
    """An answer of the group's coordinator, which a Kafka that just started, or lost a broker, has to find first."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _COORDINATOR_SECONDS
    while True:
        try:
            return await ask()
        except _NOT_COORDINATED:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(_LOOK_SECONDS)


async def _members(admin: AIOKafkaAdminClient, settings: Settings) -> int:
    [answer] = await admin.describe_consumer_groups([settings.group])
    [group] = answer.to_object()["groups"]
    if group["error_code"]:
        raise for_code(group["error_code"])(f"the group {settings.group} is not told")
    return len(group["members"])


async def _committed(admin: AIOKafkaAdminClient, settings: Settings) -> dict[int, int]:
    offsets = await admin.list_consumer_group_offsets(settings.group)
    return {
        place.partition: found.offset
        for place, found in offsets.items()
        if place.topic == settings.topic and found.offset >= 0
    }


def _require(error_code: int, what: str) -> None:
    if error_code:
        raise DependencyUnavailable(f"Kafka does not tell {what}: {for_code(error_code).__name__}")
