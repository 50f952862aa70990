"""The event loop is never held for long, and what is done in pieces comes out as if it were done in one."""

from __future__ import annotations

import asyncio
import gc
import time
from asyncio import events
from itertools import count, islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from tests.builders import AT_MS, HOUR_MS, an_event, lines
from tests.fakes import FakeDeadLetters, FakeLog, FakeRecord, Line, Topic, in_virtual_time
from tests.unit.worker.world import FOLD, World
from tokentide.events import Limits
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import fold
from tokentide.worker import collector, turns
from tokentide.worker.loading import LoadSettings
from tokentide.worker.pipeline import Pipeline, PipelineSettings
from tokentide.worker.ports import Slice
from tokentide.worker.turns import pieces_of, watch_lag

HELD_SECONDS = 0.05
PARTITIONS, RECORDS, PROJECTS = 4, 20, 5_003


class QuickRows:
    """A store that takes everything, does nothing for it, and has nothing."""

    async def write(self, batch):
        pass

    async def write_progress(self, entries):
        pass

    async def read_progress(self):
        return {}

    async def read_rows(self, *_):
        return []

    async def read_places(self, *_):
        return []


@pytest.fixture
def held(monkeypatch):
    """How long each callback of the event loop held it, in CPU seconds: what else the machine does is not counted."""
    seconds, run = [], events.Handle._run

    def timed(self):
        began = time.thread_time()
        run(self)
        seconds.append(time.thread_time() - began)

    monkeypatch.setattr(events.Handle, "_run", timed)
    return seconds


@pytest.fixture
def spared():
    """The cycle collector as a worker has it."""
    thresholds = gc.get_threshold()
    collector.spare()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def a_pipeline(topic, rows):
    """A worker's pipeline over a topic."""
    letters, line = [], Line()
    return Pipeline(
        PipelineSettings(LoadSettings(FOLD, Limits()), max_waiting_rows=10**9),
        rows,
        FakeLog(topic, line, lambda: True),
        FakeDeadLetters(letters, line),
        metrics=WorkerMetrics(CollectorRegistry()),
        now_ms=lambda: AT_MS,
    )


def a_topic(*late_ms):
    """Records of a hundred events, each of which changes rows of its own; those of each lateness after the others."""
    topic, numbers = Topic(PARTITIONS), count()
    for late, partition, _ in product(late_ms, range(PARTITIONS), range(RECORDS)):
        made = [an_event(n, at_ms=AT_MS - late, project_id=f"p{n % PROJECTS}") for n in islice(numbers, 100)]
        topic.append(partition, AT_MS, lines(made))
    return topic


async def feed(pipeline, topic, begin, end):
    """Hand over records of each partition as one slice each, while a flush may come between."""
    for partition in range(PARTITIONS):
        await pipeline.consume(Slice(1, partition, topic.between(partition, begin, end)), 1)


@given(st.lists(st.none() | st.binary(max_size=3) | st.just(b"x" * 40_000), max_size=250))
def test_pieces_are_the_records(values):
    """Every record is in one piece, in order; no piece is empty, or has more than a hundred records."""
    records = [FakeRecord(offset, AT_MS, value) for offset, value in enumerate(values)]
    pieces = list(pieces_of(records))
    assert [record for piece in pieces for record in piece] == records
    assert all(1 <= len(piece) <= 100 for piece in pieces)


def test_no_step_of_a_worker_holds_the_loop(held, spared):
    """Folding, flushing, late events, loading: with 32,000 changed rows nothing takes 50 ms at once."""
    topic, rows = a_topic(0, 5 * HOUR_MS), QuickRows()

    async def work():
        pipeline = a_pipeline(topic, rows)
        await pipeline.assigned(range(PARTITIONS))
        await feed(pipeline, topic, 0, RECORDS)
        assert pipeline.waiting_rows > 3 * PROJECTS
        await pipeline.flush()
        await feed(pipeline, topic, RECORDS, 2 * RECORDS)
        await asyncio.gather(pipeline.flush(), pipeline.flush())
        assert await pipeline.flush()

    asyncio.run(work())
    assert max(held) < HELD_SECONDS


@in_virtual_time
async def test_a_flush_in_pieces_is_as_of_one_offset(monkeypatch):
    """While it is taken bucket by bucket, records wait: every row and the position are of the same moment."""
    monkeypatch.setattr(turns, "_HELD_SECONDS", 0.0)
    monkeypatch.setattr(fold, "_AT_ONCE", 1)
    world = World(2)
    world.fill(12)
    worker = world.worker()
    await worker.join()
    while any(at < world.topic.end(partition) for partition, at in worker.fetched.items()):
        flushing = asyncio.create_task(worker.flush())
        await asyncio.gather(worker.feed(2, 0), worker.feed(3, 1))
        await flushing
        stored = {partition: entry.position.offset for partition, (_, entry) in world.tables.progress.items()}
        assert {place: row for place, row in world.stored().items() if row} == world.expected(stored)
    await worker.flush()
    world.check()


async def test_lag_is_what_the_loop_was_late():
    """A task that holds the loop for 60 ms shows as a lag of more than 20 ms, and an idle loop does not."""
    metrics = WorkerMetrics(CollectorRegistry())
    watching = asyncio.create_task(watch_lag(metrics.histogram("loop_lag_seconds")))
    await asyncio.sleep(0.005)
    time.sleep(0.06)  # noqa: ASYNC251  what it is about: the loop is held
    async with asyncio.timeout(10):
        while not metrics.registry.get_sample_value("tokentide_loop_lag_seconds_count"):
            await asyncio.sleep(0.01)
    watching.cancel()
    late = metrics.registry.get_sample_value("tokentide_loop_lag_seconds_sum")
    assert late is not None
    assert late > 0.02
