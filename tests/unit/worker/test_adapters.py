"""The ports over real parts: what is said to the store's threads and to Kafka's client."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError

from tests.fakes import FakeRecord
from tokentide.errors import DependencyUnavailable
from tokentide.events import Reason, Refusal
from tokentide.rollups import Position
from tokentide.rollups.tables import USAGE
from tokentide.settings import Settings
from tokentide.store.rows import Batch, Progress
from tokentide.worker import adapters
from tokentide.worker.adapters import KafkaDeadLetters, KafkaLog, ThreadedRows
from tokentide.worker.ports import Bounds, DeadLetter

SETTINGS = Settings(topic="events", dead_topic="dead", group="g")


class FakeClient:
    """A client of aiokafka: what it was made with, whether it runs, and how it fails."""

    made: list
    start_error = None

    def __init__(self, **options):
        self.options = options
        self.running = False
        type(self).made.append(self)

    async def start(self):
        if self.start_error:
            raise self.start_error
        self.running = True

    async def stop(self):
        self.running = False


# ---- dead letters


class FakeProducer(FakeClient):
    made = []

    def __init__(self, **options):
        super().__init__(**options)
        self.sent = []
        self.acknowledged = asyncio.Event()
        self.error = None
        self.most_bytes = 1 << 30

    async def send_and_wait(self, topic, **record):
        self.sent.append((topic, record | {"headers": list(record["headers"])}))
        await self.acknowledged.wait()
        if len(record["value"]) > self.most_bytes:
            raise MessageSizeTooLargeError
        if self.error:
            raise self.error


@pytest.fixture
def producers(monkeypatch):
    """The producers that were made."""
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(FakeProducer, "start_error", None)
    monkeypatch.setattr(adapters, "AIOKafkaProducer", FakeProducer)
    return FakeProducer.made


def a_letter(index=3, detail="cost_usd: must be finite", offset=17):
    return DeadLetter(2, offset, 1_776_679_293_000, Refusal(index, Reason.BAD_VALUE, detail, b"\xff{"))


async def send(dead, *letters):
    sending = asyncio.create_task(dead.send(letters))
    while not FakeProducer.made or len(FakeProducer.made[-1].sent) < len(letters):
        await asyncio.sleep(0)
    return sending, FakeProducer.made[-1]


async def test_a_letter_is_the_raw_bytes_with_their_origin_in_headers(producers):
    """Everything that is needed to find, understand and replay it."""
    sending, producer = await send(KafkaDeadLetters(SETTINGS), a_letter())
    producer.acknowledged.set()
    await sending
    ((topic, record),) = producer.sent
    assert topic == "dead"
    assert record["value"] == b"\xff{"
    assert record["key"] == b"2:17:3"
    assert record["headers"] == [
        ("topic", b"events"),
        ("partition", b"2"),
        ("offset", b"17"),
        ("index", b"3"),
        ("record_time_ms", b"1776679293000"),
        ("reason", b"bad_value"),
        ("detail", b"cost_usd: must be finite"),
    ]
    assert producer.options["acks"] == "all"
    assert producer.options["enable_idempotence"] is True


async def test_a_letter_that_the_topic_does_not_take_is_cut(producers):
    """It would hold up everything behind it; what is missing stands in the topic that it came from."""
    letter = DeadLetter(2, 17, 1_776_679_293_000, Refusal(None, Reason.TOO_LARGE, "too large", b"x" * 200_000))
    sending, producer = await send(KafkaDeadLetters(SETTINGS), letter)
    producer.most_bytes = 100_000
    producer.acknowledged.set()
    await sending
    _, (_, cut) = producer.sent
    assert cut["value"] == b"x" * 65_536
    assert cut["headers"][-1] == ("cut_from_bytes", b"200000")


async def test_a_letter_of_a_whole_record_has_no_index(producers):
    """It is not the first event that was refused, but all of it."""
    sending, producer = await send(KafkaDeadLetters(SETTINGS), a_letter(index=None))
    producer.acknowledged.set()
    await sending
    assert dict(producer.sent[0][1]["headers"])["index"] == b""
    assert producer.sent[0][1]["key"] == b"2:17:"


async def test_a_detail_that_has_no_utf8_does_no_harm(producers):
    """It may quote a producer's half surrogate."""
    sending, producer = await send(KafkaDeadLetters(SETTINGS), a_letter(detail="\ud800"))
    producer.acknowledged.set()
    await sending
    assert dict(producer.sent[0][1]["headers"])["detail"] == b"?"


async def test_sending_ends_when_every_letter_is_acknowledged(producers):
    """They are sent together, and awaited together."""
    sending, producer = await send(KafkaDeadLetters(SETTINGS), *(a_letter(offset=n) for n in range(5)))
    await asyncio.sleep(0)
    assert not sending.done()
    producer.acknowledged.set()
    await sending
    assert len(producer.sent) == 5


async def test_a_letter_that_is_not_acknowledged_fails_the_sending(producers):
    """The flush is then repeated, letters first."""
    dead = KafkaDeadLetters(SETTINGS)
    sending, producer = await send(dead, a_letter())
    producer.error = KafkaTimeoutError()
    producer.acknowledged.set()
    with pytest.raises(DependencyUnavailable, match="Kafka does not answer"):
        await sending
    await dead.close()
    assert not producer.running


async def test_a_producer_that_cannot_start_is_tried_again(producers, monkeypatch):
    """Nothing of the first attempt is left running."""
    dead = KafkaDeadLetters(SETTINGS)
    monkeypatch.setattr(FakeProducer, "start_error", KafkaConnectionError())
    with pytest.raises(DependencyUnavailable):
        await dead.send([a_letter()])
    monkeypatch.setattr(FakeProducer, "start_error", None)
    sending, producer = await send(dead, a_letter())
    producer.acknowledged.set()
    await sending
    assert len(producers) == 2


# ---- the log


class FakeConsumer(FakeClient):
    made = []
    records = [FakeRecord(offset, 1000 + offset, b"x") for offset in range(20, 30)]

    def __init__(self, **options):
        super().__init__(**options)
        self.assigned = []
        self.at = None
        self.error = None

    async def _answer(self, answer):
        if self.error:
            raise self.error
        return answer

    async def beginning_offsets(self, places):
        return await self._answer(dict.fromkeys(places, 20))

    async def end_offsets(self, places):
        return await self._answer(dict.fromkeys(places, 30))

    async def committed(self, place):
        return await self._answer({0: 25}.get(place.partition))

    async def offsets_for_times(self, times):
        ((place, time_ms),) = times.items()
        later = [record for record in self.records if record.timestamp >= time_ms]
        return {place: SimpleNamespace(offset=later[0].offset) if later else None}

    def assign(self, places):
        self.assigned = places

    def unsubscribe(self):
        self.assigned = []

    def seek(self, place, offset):
        self.at = offset

    async def position(self, place):
        return self.at

    async def getmany(self, *places, timeout_ms, max_records):
        await self._answer(None)
        found = [record for record in self.records if record.offset >= self.at][:4]
        self.at = found[-1].offset + 1
        return {places[0]: found}


@pytest.fixture
def consumers(monkeypatch):
    """The consumers that were made."""
    monkeypatch.setattr(FakeConsumer, "made", [])
    monkeypatch.setattr(FakeConsumer, "start_error", None)
    monkeypatch.setattr(adapters, "AIOKafkaConsumer", FakeConsumer)
    return FakeConsumer.made


def a_log(committed=True):
    positions = []

    async def commit(given):
        positions.append(given)
        return committed

    return KafkaLog(SETTINGS, commit), positions


async def test_bounds_and_ends_of_partitions(consumers):
    """What is there, and what the group committed; the reader itself never holds a partition for it."""
    log, _ = a_log()
    assert await log.bounds([0, 1]) == {0: Bounds(20, 30, 25), 1: Bounds(20, 30, None)}
    assert await log.ends([1]) == {1: 30}
    (consumer,) = consumers
    assert consumer.assigned == []
    assert consumer.options["group_id"] == "g"
    assert consumer.options["enable_auto_commit"] is False
    assert consumer.options["auto_offset_reset"] == "earliest"


@pytest.mark.parametrize(("time_ms", "offset"), [(1024, 24), (0, 20), (-5000, 20), (1030, None)])
async def test_the_first_record_at_or_after_a_time(consumers, time_ms, offset):
    """None when all are older; a time before the epoch is the epoch."""
    log, _ = a_log()
    assert await log.offset_at(0, time_ms) == offset


async def test_a_stretch_of_the_log_is_read_exactly(consumers):
    """From its begin up to, and without, its end; afterwards nothing more is fetched."""
    log, _ = a_log()
    offsets = [record.offset async for records in log.read(3, 22, 27) for record in records]
    assert offsets == [22, 23, 24, 25, 26]
    assert consumers[0].assigned == []


async def test_a_reading_that_breaks_off_leaves_nothing_behind(consumers):
    """Neither an error nor a reader that has enough keeps the partition."""
    log, _ = a_log()
    reading = log.read(0, 20, 30)
    await anext(reading)
    assert consumers[0].assigned == [TopicPartition("events", 0)]
    await reading.aclose()
    assert consumers[0].assigned == []
    consumers[0].error = KafkaConnectionError()
    with pytest.raises(DependencyUnavailable):
        await anext(log.read(0, 20, 30))
    assert consumers[0].assigned == []


async def test_kafka_that_does_not_answer_is_a_dependency_that_is_away(consumers, monkeypatch):
    """Whatever its client calls it; the next question starts anew."""
    log, _ = a_log()
    monkeypatch.setattr(FakeConsumer, "start_error", KafkaConnectionError())
    with pytest.raises(DependencyUnavailable):
        await log.ends([0])
    monkeypatch.setattr(FakeConsumer, "start_error", None)
    assert await log.ends([0]) == {0: 30}
    consumers[-1].error = KafkaTimeoutError()
    for question in (log.bounds([0]), log.ends([0])):
        with pytest.raises(DependencyUnavailable):
            await question
    await log.close()
    assert not consumers[-1].running


@pytest.mark.parametrize("committed", [True, False])
async def test_commits_go_through_the_member(consumers, committed):
    """False is a rebalance, and no error."""
    log, positions = a_log(committed)
    assert await log.commit({0: 5}) is committed
    assert positions == [{0: 5}]
    assert consumers == []


# ---- rows


class RecordingStore:
    """A store that notes what it was told, and in which thread."""

    def __init__(self):
        self.calls = []
        self.answers = {}

    def insert(self, table, columns, values):
        self.calls.append((threading.current_thread().name, "insert", table))

    def insert_json(self, table, columns, lines):
        self.calls.append((threading.current_thread().name, "insert_json", table))

    def ask(self, query):
        self.calls.append((threading.current_thread().name, "ask", query.args))
        return self.answers.get(query.name, [])


async def test_rows_go_to_the_store_in_threads():
    """The event loop never waits for the store, and progress is that of this topic."""
    store = RecordingStore()
    store.answers["progress"] = [(3, 17, -(2**63), 0, 0, 5, 1)]
    rows = ThreadedRows(store, "events")
    await rows.write(Batch("usage_1h", 202604, ("a",), [(1,)], count=1))
    await rows.write(Batch("events", 202604, ("a",), [], b"{}\n", 1))
    await rows.write_progress([Progress(0, Position(1), 0)])
    assert await rows.read_progress() == {3: Progress(3, Position(17, None, 0, 0, 1), 5)}
    assert await rows.read_rows(USAGE, 3, None) == []
    assert await rows.read_places(USAGE, 3, [("p", 0)]) == []
    assert [call[1:] for call in store.calls[:4]] == [
        ("insert", "usage_1h"),
        ("insert_json", "events"),
        ("insert", "progress"),
        ("ask", {"topic": "events"}),
    ]
    assert {call[0].partition("_")[0] for call in store.calls} == {"store"}
