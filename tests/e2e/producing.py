"""A plain Kafka producer that keeps account of everything the broker acknowledged: the oracle's view of the log."""

from __future__ import annotations

from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from tests.oracle.log import Sent

__all__ = ["Account", "producing"]

TOPIC = "llm.events"


class Account:
    """What the broker acknowledged.

    Attributes:
        log: every valid event with its place and its record's timestamp, repeats included.
        refused: what must become a dead letter: (partition, offset, index in the record; None when the record as a
            whole is refused) with its reason and its bytes.
    """

    def __init__(self):
        self.log = []
        self.refused = {}

    def add(self, metadata, lines):
        """Note a record that was acknowledged, with the lines in it."""
        for index, line in enumerate(lines):
            if line.event is not None:
                self.log.append(Sent(metadata.partition, metadata.offset, metadata.timestamp, line.event))
            else:
                whole = line.reason in {"too_large", "too_many_events"}
                place = (metadata.partition, metadata.offset, None if whole else index)
                self.refused[place] = (line.reason, line.body)


class Producer:
    """Sends records and notes each in the account when it is acknowledged."""

    def __init__(self, producer, account):
        self._producer = producer
        self._account = account
        self._flying = []

    async def send(self, lines, *, array=False):
        """One record of lines of one project: a JSON array, or NDJSON, of which a single line is the simplest form."""
        bodies = [line.body for line in lines]
        value = b"[" + b",".join(bodies) + b"]" if array else b"\n".join(bodies)
        self._flying.append((await self._producer.send(TOPIC, value, key=lines[0].project_id.encode()), lines))

    async def acknowledged(self):
        """Wait until everything sent so far is acknowledged."""
        while self._flying:
            future, lines = self._flying.pop(0)
            self._account.add(await future, lines)


@asynccontextmanager
async def producing(bootstrap, account, **options):
    """A producer with acks=all and idempotence that keeps trying for a minute; its end waits for everything."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=60_000,
        max_batch_size=512 * 1024,
        max_request_size=8 * 1024 * 1024,
        **options,
    )
    await producer.start()
    try:
        made = Producer(producer, account)
        yield made
        await made.acknowledged()
    finally:
        await producer.stop()
