"""How a record is sent under an identity of its own, so that Kafka takes it once, from whichever process it comes.

Kafka tells a producer's repetitions by its id and a number that counts its records in a partition. Here each record has
an id to itself, and is number 0 of it. aiokafka keeps id and number to itself, so this one module reaches inside; that
Kafka then drops the repetition is held by a test on the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, for_code
from aiokafka.producer.transaction_manager import PidAndEpoch
from aiokafka.protocol.transaction import InitProducerIdRequest

from tokentide.dead.letter import Place
from tokentide.dead.replay import Arrived, Identity, ReplayRecord, TooLargeForTopic
from tokentide.errors import DependencyUnavailable
from tokentide.kafka import LARGEST_LETTER_BYTES, kafka_options
from tokentide.settings import Settings

__all__ = ["OncePerIdentity"]

_TIMEOUT_MS = 30_000


class OncePerIdentity:
    """Sends records to the topic of the events while its block lasts, one at a time.

    Args:
        settings: where Kafka is, and which topic.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Any = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=_TIMEOUT_MS,
            max_request_size=LARGEST_LETTER_BYTES,
            **kafka_options(settings),
        )

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except KafkaError as error:
            await self._producer.stop()
            raise self._unavailable(error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def identities(self, count: int) -> Sequence[Identity]:
        """See `Post`."""
        try:
            return [await self._new_identity() for _ in range(count)]
        except KafkaError as error:
            raise self._unavailable(error) from error

    async def send(self, record: ReplayRecord, headers: Sequence[tuple[str, bytes]]) -> Arrived | None:
        """See `Post`."""
        projects = record.letter.projects
        key = projects[0].encode() if len(projects) == 1 else None
        self._take_on(record.identity)
        try:
            done = await self._producer.send_and_wait(
                self._settings.topic, record.value, key=key, partition=record.partition, headers=headers
            )
        except MessageSizeTooLargeError as error:
            raise TooLargeForTopic from error
        except KafkaError as error:
            raise self._unavailable(error) from error
        return None if done.offset < 0 else Arrived(Place(done.partition, done.offset), done.timestamp)

    async def _new_identity(self) -> Identity:
        client = self._producer.client
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=_TIMEOUT_MS)
        answer = await client.send(client.get_random_node(), request)
        if answer.error_code:
            raise for_code(answer.error_code)
        return Identity(answer.producer_id, answer.producer_epoch)

    def _take_on(self, identity: Identity) -> None:
        """Make the next record number 0 of the identity; nothing is on its way now."""
        manager = self._producer._txn_manager  # noqa: SLF001  see the module's docstring
        manager._pid_and_epoch = PidAndEpoch(*identity)  # noqa: SLF001
        manager._sequence_numbers.clear()  # noqa: SLF001

    def _unavailable(self, error: Exception) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"Kafka at {self._settings.kafka} does not answer: {error!r}. Check TOKENTIDE_KAFKA. A replay that was "
            "begun is finished by the next one."
        )
