"""Is what the store holds what the log says? The log is read back from Kafka, and every table compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.load import parts_of
from tests.faults.tables import stored_events, stored_rows
from tests.oracle.compare import Percentile
from tests.oracle.ledger import Ledger, Written
from tests.oracle.log import millis
from tokentide.kafka import kafka_options
from tokentide.settings import Settings

__all__ = ["Audit", "Verdict"]

_EXACT_UP_TO = 128  # a digest of so few values holds each
_SHOWN = 10
_LONGEST = 400
_EPOCH_SHIFT = 48


@dataclass(frozen=True)
class Verdict:
    """The outcome of a comparison.

    Attributes:
        events: how many of the log count.
        lost: of those, how many are not stored, by the events table or by the usage rows, whichever lack more.
        double: how many are stored that the log does not have.
        differences: each row that is not as it must be, in words.
    """

    events: int
    lost: int
    double: int
    differences: tuple[str, ...]

    def require(self) -> None:
        """Fail, with what differs, when anything does."""
        shown = "\n".join(self.differences[:_SHOWN])
        assert not self.differences, f"{self.lost} lost, {self.double} double of {self.events}:\n{shown}"
        assert (self.lost, self.double) == (0, 0)


class Audit:
    """Reads the log on from where it was, each time it is asked.

    Args:
        settings: how topics and store are reached directly.
        partitions: of the topics.
    """

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.ledger = Ledger(settings.dedup_window_seconds * 1000)
        self.ends: dict[int, int] = dict.fromkeys(range(partitions), 0)
        self.letters: set[tuple[int, int, int]] = set()
        self.partitions = partitions
        self.epoch = 0
        self._settings = settings
        self._letters_read: dict[int, int] = {}
        self._events = 0
        self._from: dict[int, int] = {}

    def read_log(self, acknowledged: dict[tuple[int, int], int] | None = None) -> None:
        """Add what the log has by now to the ledger; it must have what Kafka acknowledged, which is then taken out."""
        topic = self._settings.topic
        records = asyncio.run(_read(self._settings, topic, {p: self.ends.get(p, 0) for p in range(self.partitions)}))
        written = [_written(record, self.epoch) for record in records]
        self.ledger.add(written)
        there = {(record.partition, record.offset): dict(record.headers).get("number") for record in records}
        for place in [] if acknowledged is None else list(acknowledged):
            number = acknowledged.pop(place)
            assert there[place] == str(number).encode(), f"Kafka lost record {number}, which it had acknowledged"
        for record in records:
            self.ends[record.partition] = record.offset + 1

    def log_ends(self) -> dict[int, int]:
        """The next offset of each partition as of now."""
        return asyncio.run(_ends(self._settings, self._settings.topic))

    def begin_again(self) -> None:
        """The topic was made again: its log begins at its beginning, in the next epoch."""
        self.epoch += 1
        self.ends = dict.fromkeys(range(self.partitions), 0)

    def read_letters(self) -> set[tuple[int, int, int]]:
        """The places of every event for which there is a dead letter."""
        for letter in asyncio.run(_read(self._settings, self._settings.dead_topic, self._letters_read)):
            self._letters_read[letter.partition] = letter.offset + 1
            told = {name: value.decode() for name, value in letter.headers}
            offset = self.epoch << _EPOCH_SHIFT | int(told["offset"])
            self.letters.add((int(told["partition"]), offset, int(told["index"])))
        return self.letters

    def compare(self, ask: Any) -> Verdict:
        """Hold every table, and the dead letters, against the ledger; `ask` runs SQL on the store."""
        ledger = self.ledger
        stored, wanted = stored_events(ask, self._from), {p: _event_row(e) for p, e in ledger.events.items()}
        differences = list(_differences("events", wanted, stored))
        lost, double = len(wanted.keys() - stored.keys()), len(stored.keys() - wanted.keys())
        self._events += len(wanted)
        ledger.events.clear()  # compared for good: such a row never changes
        self._from = {partition: self.epoch << _EPOCH_SHIFT | end for partition, end in self.ends.items()}
        ((kept,),) = ask("SELECT count() FROM events FINAL")
        differences += [f"events: {self._events} in all, {kept} stored"] if kept != self._events else []
        for table, rows in ledger.rows.items():
            differences += _differences(table, rows, stored_rows(ask, table))
        letters = self.read_letters()
        differences += [f"dead letters: {place} is missing" for place in ledger.refused - letters]
        differences += [f"dead letters: {place} was not refused" for place in letters - ledger.refused]
        less, more = _gaps(ledger.rows.get("usage_1h", {}), stored_rows(ask, "usage_1h"))
        return Verdict(self._events, max(lost, less), max(double, more), tuple(differences))


def _written(record: Any, epoch: int) -> Written:
    told = dict(record.headers)
    refused = [int(index) for index in told.get("refused", b"").decode().split(",") if index]
    events = parts_of(record.value, set(refused))
    return Written(record.partition, epoch << _EPOCH_SHIFT | record.offset, record.timestamp, events, refused)


async def _read(settings: Settings, topic: str, begins: Mapping[int, int]) -> list[Any]:
    """The records of a topic from given offsets to its end as of now, each partition in order."""
    async with _consuming(settings, topic) as (consumer, places):
        ends, found = await consumer.end_offsets(places), []
        for place in places:
            consumer.seek(place, begins.get(place.partition, 0))
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200, max_records=5000)).values():
                found += records
        return [record for record in found if record.offset < ends[TopicPartition(topic, record.partition)]]


async def _ends(settings: Settings, topic: str) -> dict[int, int]:
    async with _consuming(settings, topic) as (consumer, places):
        return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


@asynccontextmanager
async def _consuming(settings: Settings, topic: str) -> AsyncIterator[tuple[Any, list[TopicPartition]]]:
    consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **kafka_options(settings))
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(places)
        yield consumer, places
    finally:
        await consumer.stop()


def _event_row(event: dict[str, Any]) -> tuple[Any, ...]:
    nanos = int(Fraction(str(event.get("cost_usd", 0))) * 10**9)
    identity = event["project_id"], UUID(event["event_id"]), millis(event["timestamp"]), event["status"]
    return (*identity, float(event["latency_ms"]), event.get("input_tokens", 0), nanos)


def _differences(table: str, wanted: Mapping[Any, Any], stored: Mapping[Any, Any]) -> Iterator[str]:
    for key in wanted.keys() | stored.keys():
        right, actual = wanted.get(key), stored.get(key)
        if right is None or actual is None or not _is_same(right, actual):
            yield f"{table} {key}: expected {str(right)[:_LONGEST]}, stored {str(actual)[:_LONGEST]}"


def _is_same(wanted: Any, stored: Any) -> bool:
    if "latency" not in wanted:
        return bool(wanted == stored)
    return wanted["version"] == stored["version"] and all(
        _is_digest(wanted[name], *stored[name]) for name in ("latency", "ttft")
    )


def _is_digest(values: list[float], means: list[float], weights: list[int]) -> bool:
    """Whether the centroids stand for the values: each of few, and the ranks of many."""
    if sum(weights) != len(values) or sorted(means) != list(means):
        return False
    if len(values) <= _EXACT_UP_TO:
        return [mean for mean, weight in zip(means, weights, strict=True) for _ in range(weight)] == sorted(values)
    middles = np.cumsum(weights) - np.asarray(weights) / 2
    exact = [Fraction(value) for value in values]
    return not any(
        Percentile(exact, percent).complaint(Decimal(float(np.interp(len(values) * percent / 100, middles, means))))
        for percent in (50, 90, 99)
    )


def _gaps(wanted: Mapping[Any, Any], stored: Mapping[Any, Any]) -> tuple[int, int]:
    """How many requests are missing, and how many are too many."""
    more: Counter[str] = Counter()
    for key in wanted.keys() | stored.keys():
        excess = stored.get(key, {}).get("requests", 0) - wanted.get(key, {}).get("requests", 0)
        more["double" if excess > 0 else "lost"] += abs(excess)
    return more["lost"], more["double"]
