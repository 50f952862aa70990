"""The worker's ports over real parts: the store in threads, the log and the dead letters over aiokafka."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from tokentide.errors import DependencyUnavailable
from tokentide.events import RawRecord
from tokentide.kafka import LARGEST_LETTER_BYTES, kafka_options
from tokentide.rollups import Place, RowState, Table
from tokentide.rollups.days import DayMark
from tokentide.settings import Settings
from tokentide.store import days, rows
from tokentide.store.port import Store
from tokentide.store.rows import Batch, Progress
from tokentide.worker.ports import Bounds, DeadLetter

__all__ = ["KafkaDeadLetters", "KafkaLog", "ThreadedRows"]

_T = TypeVar("_T")
_READ_RECORDS = 2000
_FETCH_MS = 20  # what is read is there already; a longer poll at the end of a log would hold up the next question
_CUT_BYTES = 64 * 1024  # below any limit that a topic may have
_logger = logging.getLogger(__name__)


class ThreadedRows:
    """The store's rows of one topic, each call in a thread of its own pool."""

    def __init__(self, store: Store, topic: str) -> None:
        self._store = store
        self._topic = topic
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="store")

    async def write(self, batch: Batch) -> None:
        """See `Rows`."""
        await self._run(rows.write, self._store, batch)

    async def write_progress(self, entries: Sequence[Progress]) -> None:
        """See `Rows`."""
        await self._run(rows.write_progress, self._store, self._topic, entries)

    async def read_progress(self) -> Mapping[int, Progress]:
        """See `Rows`."""
        return await self._run(rows.read_progress, self._store, self._topic)

    async def read_rows(self, table: Table, partition: int, floor_ms: int | None) -> list[RowState]:
        """See `Rows`."""
        return await self._run(rows.read_rows, self._store, table, partition, floor_ms)

    async def read_places(self, table: Table, partition: int, places: Iterable[Place]) -> list[RowState]:
        """See `Rows`."""
        return await self._run(rows.read_places, self._store, table, partition, places)

    async def read_marks(self, partitions: Iterable[int]) -> list[DayMark]:
        """See `Rows`."""
        return await self._run(days.read_marks, self._store, partitions)

    async def write_marks(self, marks: Sequence[DayMark]) -> None:
        """See `Rows`."""
        await self._run(days.write_marks, self._store, marks)

    async def first_day(self) -> int | None:
        """See `Rows`."""
        return await self._run(days.first_day, self._store)

    async def build_day(self, day: int, partitions: Iterable[int]) -> None:
        """See `Rows`."""
        await self._run(days.build_day, self._store, day, list(partitions))

    async def _run(self, call: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *args)


class KafkaLog:
    """The topic, read by a consumer that never joins the group; commits go through the one that did.

    Args:
        settings: where Kafka is, which topic and group.
        commit: commits next offsets as a member of the group; False when a rebalance refused it. None for who only
            reads, has no group, and sees no commits.
    """

    def __init__(
        self, settings: Settings, commit: Callable[[Mapping[int, int]], Awaitable[bool]] | None = None
    ) -> None:
        self._settings = settings
        self._commit = commit
        self._consumer: Any = None
        self._starting = asyncio.Lock()

    async def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        """See `Log`."""
        wanted = [self._place(partition) for partition in partitions]
        async with _reachable():
            consumer = await self._started()
            begins = await consumer.beginning_offsets(wanted)
            ends = await consumer.end_offsets(wanted)
            committed = {place: await consumer.committed(place) if self._commit else None for place in wanted}
        return {place.partition: Bounds(begins[place], ends[place], committed[place]) for place in wanted}

    async def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """See `Log`."""
        async with _reachable():
            consumer = await self._started()
            found = await consumer.end_offsets([self._place(partition) for partition in partitions])
        return {place.partition: offset for place, offset in found.items()}

    async def offset_at(self, partition: int, time_ms: int) -> int | None:
        """See `Log`."""
        place = self._place(partition)
        async with _reachable():
            consumer = await self._started()
            found = (await consumer.offsets_for_times({place: max(0, time_ms)}))[place]
        return None if found is None else int(found.offset)

    async def read(self, partition: int, begin: int, end: int) -> AsyncGenerator[Sequence[RawRecord], None]:
        """See `Log`."""
        if begin >= end:  # an assignment that ends before the fetcher saw it would kill that, and every later read
            return
        place = self._place(partition)
        async with _reachable():
            consumer = await self._started()
            consumer.assign([place])
            try:
                consumer.seek(place, begin)
                while await consumer.position(place) < end:
                    fetched = await consumer.getmany(place, timeout_ms=1000, max_records=_READ_RECORDS)
                    for records in fetched.values():
                        yield [record for record in records if record.offset < end]
            finally:
                consumer.unsubscribe()  # or it would go on fetching, and every other question would wait behind that

    async def commit(self, positions: Mapping[int, int]) -> bool:
        """See `Log`."""
        if self._commit is None:
            return False
        async with _reachable():
            return await self._commit(positions)

    async def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _started(self) -> Any:
        async with self._starting:
            if self._consumer is None:
                consumer = AIOKafkaConsumer(
                    group_id=self._settings.group if self._commit else None,
                    enable_auto_commit=False,
                    fetch_max_wait_ms=_FETCH_MS,
                    auto_offset_reset="earliest",  # what was deleted since its offset was asked for
                    **kafka_options(self._settings),
                )
                try:
                    await consumer.start()
                except BaseException:
                    await consumer.stop()
                    raise
                self._consumer = consumer
        return self._consumer

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._settings.topic, partition)


class KafkaDeadLetters:
    """The dead-letter topic.

    The value is exactly what was refused; where it came from and why stands in the headers `topic`, `partition`,
    `offset`, `index` (empty when the whole record was refused), `record_time_ms`, `reason` and `detail`. A letter may
    be there more than once after a failure: (topic, partition, offset, index) is its identity. One that is larger
    than the topic takes is cut, and says so in the header `cut_from_bytes`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Any = None

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetters`."""
        async with _reachable():
            producer = await self._started()
            sent = [asyncio.ensure_future(self._send_one(producer, letter)) for letter in letters]
            await asyncio.gather(*sent)

    async def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def _started(self) -> Any:
        if self._producer is None:
            producer = AIOKafkaProducer(
                acks="all",
                enable_idempotence=True,
                max_request_size=LARGEST_LETTER_BYTES,
                **kafka_options(self._settings),
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _send_one(self, producer: Any, letter: DeadLetter) -> None:
        """Send a letter, cut when it is larger than the topic takes: it must not hold up what comes after it."""
        key, headers = self._envelope(letter)
        raw = letter.refusal.raw
        try:
            await producer.send_and_wait(self._settings.dead_topic, value=raw, key=key, headers=headers)
        except MessageSizeTooLargeError:
            _logger.warning("dead letter %s is cut from %d to %d bytes", key.decode(), len(raw), _CUT_BYTES)
            headers.append(("cut_from_bytes", str(len(raw)).encode()))
            await producer.send_and_wait(self._settings.dead_topic, value=raw[:_CUT_BYTES], key=key, headers=headers)

    def _envelope(self, letter: DeadLetter) -> tuple[bytes, list[tuple[str, bytes]]]:
        refusal = letter.refusal
        index = "" if refusal.index is None else str(refusal.index)
        headers = {
            "topic": self._settings.topic,
            "partition": str(letter.partition),
            "offset": str(letter.offset),
            "index": index,
            "record_time_ms": str(letter.record_time_ms),
            "reason": refusal.reason.value,
            "detail": refusal.detail,
        }
        key = f"{letter.partition}:{letter.offset}:{index}".encode()
        return key, [(name, text.encode(errors="replace")) for name, text in headers.items()]


@asynccontextmanager
async def _reachable() -> AsyncIterator[None]:
    """Says of any failure of Kafka's client that Kafka cannot be reached now."""
    try:
        yield
    except KafkaError as error:
        raise DependencyUnavailable(f"Kafka does not answer: {error!r}") from error
