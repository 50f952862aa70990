"""How do records reach Kafka while a request waits? Acknowledged by all replicas, or refused within a deadline.

What is refused may still be in the log, in part or as a whole, when only the acknowledgement was lost. The client sends
it again, and an event_id that came twice counts once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tokentide.errors import DependencyUnavailable
from tokentide.ingest.records import Batch
from tokentide.kafka import kafka_options, why_unreachable
from tokentide.settings import Settings

__all__ = ["Delivery", "KafkaDelivery", "Place"]

_SECONDS = 10.0
_AGAIN_SECONDS = 1.0
_STOP_SECONDS = 5.0
_BATCH_BYTES = 512 * 1024
_FRAMING_BYTES = 64 * 1024

_log = logging.getLogger(__name__)

Place = tuple[int, int]
"""Partition and offset of a record."""


class Delivery(Protocol):
    """Where accepted events go."""

    async def deliver(self, records: Sequence[Batch]) -> list[Place]:
        """Return where the records are, when all of them are acknowledged.

        Raises:
            DependencyUnavailable: not all were, in time; any of them may be in the log nevertheless.
        """

    async def close(self) -> None:
        """Wait for what is under way, and disconnect."""


class KafkaDelivery:
    """Delivers by one producer, which connects when the first record comes, and again after it was lost.

    The producer is not idempotent: it gives up a record after the deadline, which an idempotent one never does, and a
    record that it writes twice holds events that count once.

    Args:
        settings: where Kafka is, and which topic.
        seconds: how long a delivery may take, connecting included.
    """

    def __init__(self, settings: Settings, seconds: float = _SECONDS) -> None:
        self._settings = settings
        self._seconds = seconds
        self._connected: asyncio.Task[Any] | None = None

    async def deliver(self, records: Sequence[Batch]) -> list[Place]:
        """See `Delivery.deliver`."""
        try:
            async with asyncio.timeout(self._seconds):
                producer = await self._producer()
                sent = [await producer.send(self._settings.topic, r.value, key=r.key) for r in records]
                places = await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            self._forget_when_broken()
            raise DependencyUnavailable(
                f"Kafka at {self._settings.kafka} did not acknowledge within {self._seconds:.0f} seconds: {error!r}"
            ) from error
        return [(place.partition, place.offset) for place in places]

    async def close(self) -> None:
        """See `Delivery.close`."""
        if self._connected is None:
            return
        self._connected.cancel()
        with suppress(asyncio.CancelledError, TimeoutError):
            producer = await self._connected
            async with asyncio.timeout(_STOP_SECONDS):
                await producer.stop()

    async def _producer(self) -> Any:
        """The producer, connected; those that wait for it share one attempt, which outlives them."""
        if self._connected is None or self._has_failed():
            self._connected = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connected)

    def _has_failed(self) -> bool:
        connected = self._connected
        return connected is not None and connected.done() and connected.exception() is not None

    def _forget_when_broken(self) -> None:
        """Begin anew when the client's own sending has ended, which it never does by itself but for a fault."""
        connected = self._connected
        if connected and connected.done() and not self._has_failed():
            sending = connected.result()._sender.sender_task  # noqa: SLF001  nothing public tells
            if sending is None or sending.done():
                self._connected = None

    async def _connect(self) -> Any:
        while True:
            producer = AIOKafkaProducer(
                acks="all",
                request_timeout_ms=int(self._seconds * 1000),
                max_batch_size=_BATCH_BYTES,
                max_request_size=self._settings.max_record_bytes + _FRAMING_BYTES,
                **kafka_options(self._settings),
            )
            try:
                await producer.start()
            except KafkaError as error:
                _log.warning("%s Trying again", await why_unreachable(self._settings, error))
                await producer.stop()
                await asyncio.sleep(_AGAIN_SECONDS)
            except BaseException:
                await producer.stop()
                raise
            else:
                return producer
