"""Slices instead of records: what is handed over, and what is not."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from types import SimpleNamespace

import pytest
from faust.types.tuples import TP

from tests.fakes import FakeRecord
from tokentide.worker import transport
from tokentide.worker.transport import SliceConsumer, SliceTransport

FIRST, SECOND = TP("llm.events", 0), TP("llm.events", 1)


class FakeConsumer:
    """As much of Faust's consumer as the slices need, with what was handed over and how often it sought."""

    _deliver_next = SliceConsumer._deliver_next
    _deliver = SliceConsumer._deliver

    def __init__(self, **fetched):
        self.app = SimpleNamespace(consumer_generation_id=7)
        self.should_stop = False
        self.flow_active = True
        self.suspend_flow = asyncio.Event()
        self.handed = []
        self.sought = 0
        self.fetched = {}
        self.after_each = lambda: None
        self._read_offset = defaultdict(lambda: None)

    async def _wait_next_records(self, timeout):
        return self.fetched, None

    async def perform_seek(self):
        self.sought += 1

    async def callback(self, message):
        self.handed.append(message)
        self.after_each()

    async def wait_first(self, *calls):
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    def spans(self):
        """First and last offset of each slice, by partition."""
        return [(m.value.partition, m.value.records[0].offset, m.value.records[-1].offset) for m in self.handed]


def records(begin, end):
    return [Stamped(offset) for offset in range(begin, end)]


class Stamped(FakeRecord):
    """A record as aiokafka's parser makes it."""

    timestamp_type = 1

    def __init__(self, offset):
        super().__init__(offset, 1_776_679_293_000 + offset, b"{}")


@pytest.fixture
async def consumer():
    return FakeConsumer()


async def test_records_are_handed_over_in_slices_of_at_most_500(consumer):
    """One slice is the longest that the event loop is blocked; each is of one partition, and in order."""
    consumer.fetched = {FIRST: records(0, 1200), SECOND: records(40, 41)}
    await consumer._deliver_next()
    assert consumer.spans() == [(0, 0, 499), (0, 500, 999), (0, 1000, 1199), (1, 40, 40)]


async def test_a_message_stands_for_its_last_record(consumer):
    """Faust sees one message with the slice as its value, under the generation it was fetched in."""
    consumer.fetched = {SECOND: records(3, 9)}
    await consumer._deliver_next()
    (message,) = consumer.handed
    assert (message.tp, message.topic, message.partition, message.offset) == (SECOND, "llm.events", 1, 8)
    assert message.timestamp == 1_776_679_293.008
    assert message.generation_id == message.value.generation == 7
    assert [record.offset for record in message.value.records] == list(range(3, 9))


async def test_a_new_generation_drops_the_rest(consumer):
    """After a rebalance what was fetched before is of an assignment that is over."""
    consumer.fetched = {FIRST: records(0, 1200), SECOND: records(0, 3)}
    consumer.after_each = lambda: setattr(consumer.app, "consumer_generation_id", 8)
    await consumer._deliver_next()
    assert consumer.spans() == [(0, 0, 499)]


async def test_a_flow_that_stops_drops_the_rest(consumer):
    """Partitions are being revoked."""
    consumer.fetched = {FIRST: records(0, 1200)}
    consumer.after_each = lambda: setattr(consumer, "flow_active", False)
    await consumer._deliver_next()
    assert consumer.spans() == [(0, 0, 499)]


async def test_what_comes_while_the_flow_is_stopped_is_fetched_again(consumer):
    """The fetch was on its way when the partitions went: it is dropped, and the position set back."""
    consumer.fetched = {FIRST: records(0, 10)}
    consumer.flow_active = False
    await consumer._deliver_next()
    assert (consumer.spans(), consumer.sought) == ([], 1)


@pytest.mark.parametrize(
    ("sought_to", "spans"),
    [
        (None, [(0, 10, 509), (0, 510, 609)]),
        (10, [(0, 10, 509), (0, 510, 609)]),
        (509, [(0, 10, 509), (0, 510, 609)]),  # part of the first is old: the pipeline knows which
        (510, [(0, 510, 609)]),
        (610, []),
    ],
)
async def test_slices_before_a_seek_are_dropped(consumer, sought_to, spans):
    """A slice that lies below the position as a whole was handed over already."""
    consumer.fetched = {FIRST: records(10, 610)}
    consumer._read_offset[FIRST] = sought_to
    await consumer._deliver_next()
    assert consumer.spans() == spans


async def test_a_slice_that_nobody_takes_is_given_up_when_the_flow_stops(consumer):
    """A consumer that waits for room must not keep a rebalance from going on."""

    async def never(_):
        await asyncio.Event().wait()

    consumer.fetched = {FIRST: records(0, 10)}
    consumer.callback = never
    delivering = asyncio.create_task(consumer._deliver_next())
    await asyncio.sleep(0)
    consumer.suspend_flow.set()
    await asyncio.wait_for(delivering, 5)


@pytest.mark.parametrize("stop", [True, False])
async def test_nothing_is_handed_over_when_there_is_nothing_or_it_stops(consumer, stop):
    """Neither to an app that stops, nor an empty slice."""
    consumer.should_stop = stop
    consumer.fetched = {FIRST: records(0, 10)} if stop else {}
    await consumer._deliver_next()
    assert consumer.spans() == []


async def test_a_partition_without_progress_is_sought_to_its_beginning():
    """Aiokafka leaves it where it is: behind the records that came, and were dropped, while partitions moved."""
    committed, sought = {FIRST: 0, SECOND: 7, TP("llm.events", 2): None}, {}

    async def seek_to_committed():
        return committed

    consumer = SliceConsumer.__new__(SliceConsumer)
    consumer._thread = SimpleNamespace(seek_to_committed=seek_to_committed, seek=sought.__setitem__)
    assert await consumer.seek_to_committed() == committed
    assert sought == {FIRST: 0, TP("llm.events", 2): 0}


class Draining(FakeConsumer):
    """One that is stopped after some rounds, or whose driver raises."""

    _drain_messages = SliceConsumer._drain_messages
    consumer_stopped_errors = (ConnectionAbortedError,)

    def __init__(self, rounds, error=None, *, app_stops=False):
        super().__init__()
        self._stopped = asyncio.Event()
        self.app.should_stop = app_stops
        self._rounds = rounds
        self._error = error

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)

    async def _wait_next_records(self, timeout):
        self._rounds -= 1
        if self._rounds == 0:
            self._stopped.set()
            if self._error:
                raise self._error
        return {FIRST: records(0, 1)}, None


async def test_it_goes_on_until_it_is_stopped():
    """Round after round."""
    consumer = Draining(3)
    await consumer._drain_messages(SimpleNamespace(_stopped=asyncio.Event()))
    assert len(consumer.handed) == 3


@pytest.mark.parametrize("error", [ConnectionAbortedError(), asyncio.CancelledError()])
async def test_the_end_of_the_driver_is_an_error_only_when_nobody_asked_for_it(error):
    """While the app stops it is the expected end; else the process must know."""
    fetcher = SimpleNamespace(_stopped=asyncio.Event())
    await Draining(2, error, app_stops=True)._drain_messages(fetcher)
    with pytest.raises(type(error)):
        await Draining(2, error)._drain_messages(fetcher)


def test_the_transport_hands_out_records_as_they_were_parsed(monkeypatch):
    """Aiokafka's own wrapper around each record costs more than reading it."""
    monkeypatch.setattr(transport.fetcher, "PartitionRecords", transport.fetcher.PartitionRecords)
    made = SliceTransport(["kafka://127.0.0.1:1"], SimpleNamespace(conf=SimpleNamespace()))
    assert made.Consumer is SliceConsumer
    record = Stamped(5)
    assert transport.fetcher.PartitionRecords._consumer_record(None, FIRST, record) is record
