"""How records get into the topic: by an idempotent producer, acknowledged by all replicas, few in flight at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from tokentide.errors import DependencyUnavailable
from tokentide.ingest.records import Batch
from tokentide.kafka import kafka_options, missing_topics
from tokentide.settings import Settings

__all__ = ["Sender"]

_CONNECT_SECONDS = 20.0
_ACKNOWLEDGE_MS = 30_000
_STOP_SECONDS = 5.0
_IN_FLIGHT = 200
_LINGER_MS = 5
_BATCH_BYTES = 512 * 1024  # aiokafka sends one batch a partition at a time: with its default of 16 KiB, one record
_FRAMING_BYTES = 64 * 1024


class Sender:
    """Sends records to the topic while its block lasts; counts what Kafka has acknowledged.

        async with Sender(settings) as sender:
            await sender.send(batch)
            await sender.finish()

    Every method raises DependencyUnavailable when Kafka does not answer, or does not acknowledge in half a minute.

    Args:
        settings: where Kafka is, and which topic.

    Attributes:
        events: how many events are acknowledged.
        records: in how many records.
        bytes: of which size together.
    """

    def __init__(self, settings: Settings) -> None:
        self.events = 0
        self.records = 0
        self.bytes = 0
        self._settings = settings
        self._flying: deque[tuple[asyncio.Future[Any], Batch]] = deque()
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                missing = await missing_topics(self._settings)
                if self._settings.topic in missing:
                    raise DependencyUnavailable(
                        f"topic {self._settings.topic} is missing in Kafka at {self._settings.kafka}. "
                        "Run `tokentide migrate` first."
                    )
                await self._start()
        except (KafkaError, TimeoutError) as error:
            raise self._unavailable("does not answer", error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def send(self, batch: Batch) -> None:
        """Hand over one record; returns when few enough are on their way."""
        while len(self._flying) >= _IN_FLIGHT:
            await self._land()
        try:
            future = await self._producer.send(self._settings.topic, batch.value, key=batch.key)
        except MessageSizeTooLargeError as error:
            raise self._too_large(batch) from error
        except KafkaError as error:
            raise self._unavailable("does not take the records", error) from error
        self._flying.append((future, batch))

    async def finish(self) -> None:
        """Wait until everything handed over is acknowledged."""
        while self._flying:
            await self._land()

    async def _land(self) -> None:
        future, batch = self._flying.popleft()
        try:
            await future
        except MessageSizeTooLargeError as error:
            raise self._too_large(batch) from error
        except KafkaError as error:
            raise self._unavailable("does not acknowledge", error) from error
        self.events += batch.events
        self.records += 1
        self.bytes += len(batch.value)

    async def _start(self) -> None:
        self._producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            linger_ms=_LINGER_MS,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=_ACKNOWLEDGE_MS,
            max_request_size=self._settings.max_record_bytes + _FRAMING_BYTES,
            **kafka_options(self._settings),
        )
        try:
            await self._producer.start()
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        """Disconnect; what was never acknowledged is given up after a moment."""
        for future, _ in self._flying:
            future.cancel()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._producer.stop()
        except TimeoutError:
            return  # Kafka is away: there is nobody to say goodbye to

    def _unavailable(self, what: str, error: Exception) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"Kafka at {self._settings.kafka} {what}: {error!r}. {self._so_far()} Check TOKENTIDE_KAFKA."
        )

    def _too_large(self, batch: Batch) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"Kafka refuses a record of {len(batch.value)} bytes: raise max.message.bytes of topic "
            f"{self._settings.topic}, or lower TOKENTIDE_MAX_RECORD_BYTES. {self._so_far()}"
        )

    def _so_far(self) -> str:
        return f"{self.events} events are acknowledged, in {self.records} records." if self.records else ""
