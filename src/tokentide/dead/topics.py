"""How the dead-letter topic and the topic of the events are read and written: the replay's ports over aiokafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tokentide.dead.identities import OncePerIdentity
from tokentide.dead.ledger import Ledger
from tokentide.dead.letter import DeadRecord, Letter, LetterId, Mark, Place, mark_bytes
from tokentide.dead.replay import Arrived, Identity, ReplayRecord
from tokentide.errors import DependencyUnavailable
from tokentide.events import Limits, RawRecord, decode
from tokentide.kafka import kafka_options, partition_counts
from tokentide.settings import Settings
from tokentide.worker.adapters import KafkaLog

__all__ = ["DeadTopic", "KafkaPost", "posting", "reading"]

_REPLAY_ID = "replay_id"


class DeadTopic:
    """The dead-letter topic, and of the events' topic what letters are about.

    Args:
        settings: where Kafka is, and the topics' names.
        partitions: how many partitions the dead-letter topic has.
        dead: reads the dead-letter topic.
        events: reads the topic of the events.
        on_read: told how many records of the dead-letter topic were read, and how many there are.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        dead: KafkaLog,
        events: KafkaLog,
        on_read: Callable[[int, int], None] = lambda _read, _all: None,
    ) -> None:
        self.events = events
        self._limits = Limits(settings.max_record_bytes, settings.rollup_retention_days)
        self._dead = dead
        self._on_read = on_read
        self._next = dict.fromkeys(range(partitions), 0)

    async def catch_up(self, ledger: Ledger) -> None:
        """See `Post`."""
        bounds = await self._dead.bounds(self._next)
        begins = {p: max(self._next[p], found.begin) for p, found in bounds.items()}
        whole = sum(bounds[p].end - begins[p] for p in bounds)
        read = 0
        for partition, begin in begins.items():
            end = bounds[partition].end
            async for records in self._dead.read(partition, begin, end):
                for record in records:
                    ledger.take(partition, cast("DeadRecord", record))
                read += len(records)
                self._on_read(read, whole)
            self._next[partition] = end

    async def stored(self, letters: Sequence[Letter]) -> dict[LetterId, bytes]:
        """What the letters hold; of one that was cut, the beginning. One that the topic let go of is absent."""
        found: dict[LetterId, bytes] = {}
        for partition in sorted({letter.place.partition for letter in letters}):
            wanted = {letter.place.offset: letter for letter in letters if letter.place.partition == partition}
            async for records in self._dead.read(partition, min(wanted), max(wanted) + 1):
                for record in records:
                    if record.offset in wanted:
                        found[wanted[record.offset].id] = record.value or b""
        return found

    async def bytes_of(self, letters: Sequence[Letter]) -> Mapping[LetterId, bytes]:
        """See `Post`."""
        found = await self.stored(letters)
        for letter in letters:
            if letter.cut and letter.id in found:
                whole = await self._whole(letter, found.pop(letter.id))
                if whole is not None:
                    found[letter.id] = whole
        return found

    async def _whole(self, letter: Letter, beginning: bytes) -> bytes | None:
        """What a letter was cut from, out of the log; None when the log lost it."""
        partition, offset = letter.id.partition, letter.id.offset
        bounds = (await self.events.bounds([partition]))[partition]
        if not bounds.begin <= offset < bounds.end:
            return None
        there = [record async for records in self.events.read(partition, offset, offset + 1) for record in records]
        parts: list[bytes] = []
        for record in there:
            if record.offset == offset and record.timestamp == letter.id.record_time_ms:
                parts = self._parts(record, letter.id.index)
        return next((part for part in parts if part.startswith(beginning)), None)

    def _parts(self, record: RawRecord, index: int | None) -> list[bytes]:
        """The bytes of a record, or those that are refused of it under an index."""
        if index is None:
            return [record.value or b""]
        refusals = decode(record.value, record.timestamp, self._limits).refusals
        return [refusal.raw for refusal in refusals if refusal.index == index]


class KafkaPost(DeadTopic):
    """Both topics, also to write to: the `Post` of a replay."""

    def __init__(self, *parts: Any, settings: Settings, once: OncePerIdentity, marks: Any, **more: Any) -> None:
        super().__init__(settings, *parts, **more)
        self._settings = settings
        self._once = once
        self._marks = marks

    async def identities(self, count: int) -> Sequence[Identity]:
        """See `Post`."""
        return await self._once.identities(count)

    async def note(self, marks: Sequence[tuple[Mark, int]]) -> None:
        """See `Post`."""
        try:
            await asyncio.gather(*(self._note(mark, partition) for mark, partition in marks))
        except KafkaError as error:
            raise DependencyUnavailable(f"Kafka does not take the mark of a replay: {error!r}") from error

    async def bounds(self, partition: int) -> tuple[int, int]:
        """See `Post`."""
        found = (await self.events.bounds([partition]))[partition]
        return found.begin, found.end

    async def find(self, partition: int, after: int, identities: Collection[Identity]) -> Mapping[Identity, Arrived]:
        """See `Post`."""
        named = {str(identity).encode(): identity for identity in identities}
        begin, end = await self.bounds(partition)
        found = {}
        async for records in self.events.read(partition, max(begin, after), end):
            for record in cast("Sequence[Any]", records):
                identity = named.get(dict(record.headers).get(_REPLAY_ID, b""))
                if identity is not None:
                    found[identity] = Arrived(Place(partition, record.offset), record.timestamp)
        return found

    async def send(self, record: ReplayRecord) -> Arrived | None:
        """See `Post`."""
        said = {"replay_of": str(record.letter.id), _REPLAY_ID: str(record.identity)}
        return await self._once.send(record, [(name, text.encode()) for name, text in said.items()])

    async def _note(self, mark: Mark, partition: int) -> None:
        value, headers = mark_bytes(mark)
        key = str(mark.letter).encode()
        await self._marks.send_and_wait(self._settings.dead_topic, value, key=key, partition=partition, headers=headers)


@asynccontextmanager
async def reading(settings: Settings, on_read: Callable[[int, int], None]) -> AsyncIterator[DeadTopic]:
    """The dead-letter topic, to be read."""
    async with _parts(settings) as parts:
        yield DeadTopic(settings, *parts, on_read)


@asynccontextmanager
async def posting(settings: Settings, on_read: Callable[[int, int], None]) -> AsyncIterator[KafkaPost]:
    """Both topics, to be read and written."""
    async with _parts(settings) as parts, OncePerIdentity(settings) as once, _marking(settings) as marks:
        yield KafkaPost(*parts, settings=settings, once=once, marks=marks, on_read=on_read)


@asynccontextmanager
async def _parts(settings: Settings) -> AsyncIterator[tuple[int, KafkaLog, KafkaLog]]:
    counts = await partition_counts(settings)
    async with AsyncExitStack() as stack:
        dead, events = KafkaLog(settings.model_copy(update={"topic": settings.dead_topic})), KafkaLog(settings)
        for log in (dead, events):
            stack.push_async_callback(log.close)
        yield counts[settings.dead_topic], dead, events


@asynccontextmanager
async def _marking(settings: Settings) -> AsyncIterator[Any]:
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **kafka_options(settings))
    try:
        await producer.start()
        yield producer
    except KafkaError as error:
        raise DependencyUnavailable(f"Kafka at {settings.kafka} does not answer: {error!r}") from error
    finally:
        await producer.stop()
