"""Whatever happens to workers, store and topic: in the end the store holds each event once, as brute force says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.strategies  # noqa: F401  sets how many examples are tried
from tests.builders import AT_MS, an_event
from tests.fakes import Death, Fault, Gate, Line, in_virtual_time
from tests.unit.worker.world import BAD, MINUTE_MS, STATUSES, World

READS = ("read ", "bounds", "ends", "offset_at")
STEPS = (
    "send",
    "write usage_1h",
    "write latency_1h",
    "write errors_1h",
    "write rate_limits_1m",
    "write provider_health_5m",
    "write events",
    "write progress",
    "commit",
)
FAILURES = (Fault.UNAVAILABLE, Fault.LOST_ACK, Fault.LATE, Fault.PART)
ARRIVALS = ("never", "before the next worker", "while it works", "last")


def a_full_world():
    world = World(2)
    world.fill(8)
    return world


def line_with(step, nth, fault):
    """A line on which flush number `nth`, from 0, meets a fault at a step; the first commit is of no flush."""
    line = Line()
    line.lay_out(step, *[None] * (nth + (step == "commit")), fault)
    return line


@in_virtual_time
async def test_a_worker_that_nothing_happens_to():
    """Brute force over the log and the store agree, and a flush has the steps that the tests below break off at."""
    world = a_full_world()
    worker = world.worker()
    assert await worker.work()
    world.check()
    assert {call for call in worker.line.calls if not call.startswith(READS)} == set(STEPS)


@pytest.mark.parametrize("nth", range(3))
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("fault", "arrives"),
    [*((Fault.DEATH_BEFORE, arrival) for arrival in ARRIVALS), (Fault.DEATH_AFTER, "never")],
)
@in_virtual_time
async def test_a_death_at_any_point_of_a_flush(step, nth, fault, arrives):
    """A worker dies at a call; what it sent last may arrive never, or later. The next one makes it whole."""
    world = a_full_world()
    dying, heir = world.worker(line_with(step, nth, fault)), world.worker()
    assert not await dying.work()
    if arrives == "before the next worker":
        dying.line.arrive()
    await heir.join()
    if arrives == "while it works":
        dying.line.arrive()
    assert await heir.work(3)
    if arrives == "last":
        dying.line.arrive()
    world.check()


@pytest.mark.parametrize("nth", range(3))
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAILURES)
@in_virtual_time
async def test_a_failure_at_any_point_of_a_flush(step, nth, fault):
    """A call that fails, whatever it did, is repeated by the same worker until all is well."""
    world = a_full_world()
    worker = world.worker(line_with(step, nth, fault))
    assert await worker.work()
    worker.line.arrive()
    world.check()
    assert worker.count("flush_failures") == 1


@pytest.mark.parametrize("step", STEPS)
@in_virtual_time
async def test_a_worker_that_stalls_at_any_point_and_wakes_up_too_late(step):
    """Another worker took over and finished; the stalled one goes on reading and writing, and changes nothing."""
    world, gate = a_full_world(), Gate()
    stalled = world.worker(line_with(step, 1, gate))
    await stalled.join()
    await stalled.feed(2)
    await stalled.flush()
    await stalled.feed(2)
    flush = asyncio.create_task(stalled.flush())
    await gate.reached.wait()
    await stalled.feed(1)
    assert await world.worker().work(3)
    world.check()
    gate.open()
    await flush
    assert await stalled.work(3)
    world.check()


# ---- any story at all

EVENTS = st.one_of(
    st.tuples(st.integers(1, 12), st.sampled_from([0, 0, 0, 1, 70, 200, 400]), st.sampled_from(STATUSES)),
    st.none(),
)
RECORDS = st.tuples(st.sampled_from([-40, -9, 0, 1, 10, 29, 60, 150]), st.lists(EVENTS, min_size=1, max_size=3))
LOGS = st.lists(st.lists(RECORDS, min_size=3, max_size=12), min_size=1, max_size=2)
WORKERS = st.sampled_from([0, 0, 0, 1, 1, 2])
ACTIONS = st.one_of(
    st.tuples(st.just("feed"), WORKERS, st.integers(1, 4)),
    st.tuples(st.just("feed"), WORKERS, st.integers(1, 4)),
    st.tuples(st.just("flush"), WORKERS, st.just(0)),
    st.tuples(st.just("flush"), WORKERS, st.just(0)),
    st.tuples(st.just("join"), WORKERS, st.integers(1, 3)),
    st.tuples(st.just("leave"), WORKERS, st.just(0)),
    st.tuples(st.just("kill"), WORKERS, st.just(0)),
    st.tuples(st.just("arrive"), WORKERS, st.just(0)),
)
PAUSES = st.sampled_from([0, 1, 3, 10, 30, 30, 1000])
STORIES = st.lists(st.tuples(ACTIONS, PAUSES), min_size=6, max_size=40)
FAULTS = st.lists(st.sampled_from([None, None, None, *FAILURES, Fault.DEATH_BEFORE, Fault.DEATH_AFTER]), max_size=40)


@dataclass
class Actor:
    """A worker, what it is at, and the one consumer that it has."""

    worker: object
    tasks: list
    consuming: asyncio.Lock


class Story:
    """Plays actions, each begun when some turns of the loop after the one before are over, and ends them well."""

    def __init__(self, logs, faults):
        self.world = World(len(logs))
        self.faults = iter(faults)
        self.lines = []
        self.actors = {}
        for partition, log in enumerate(logs):
            at_ms = AT_MS
            for minutes, events in log:
                at_ms += minutes * MINUTE_MS
                self.world.append(partition, at_ms, *(self.event(at_ms, event) for event in events))

    def event(self, at_ms, event):
        if event is None:
            return BAD
        number, minutes_late, status = event
        return an_event(number, at_ms=at_ms - minutes_late * MINUTE_MS, status=status)

    async def play(self, story):
        for (action, number, argument), turns in story:
            if number not in self.actors:
                self.lines.append(Line(lambda _: next(self.faults, None)))
                self.actors[number] = Actor(self.world.worker(self.lines[-1]), [], asyncio.Lock())
            getattr(self, action)(self.actors[number], number, argument)
            for _ in range(min(turns, 30)):
                await asyncio.sleep(0)
            if turns > 30:
                await asyncio.sleep(turns / 100)
            self.bury()

    async def end(self):
        """No more faults; everyone dies, what was on its way arrives before or after the last worker's work."""
        self.faults = iter(())
        for number in list(self.actors):
            self.kill(self.actors[number], number, 0)
        before, after = self.lines[::2], self.lines[1::2]
        for line in before:
            line.arrive()
        assert await self.world.worker().work(3)
        for line in after:
            line.arrive()

    def bury(self):
        """Whoever met Death is gone; any other error is the test's failure."""
        for number, actor in list(self.actors.items()):
            for task in [task for task in actor.tasks if task.done()]:
                actor.tasks.remove(task)
                error = task.exception()
                if isinstance(error, Death):
                    self.kill(actor, number, 0)
                elif error is not None:
                    raise error

    # ---- the actions

    def feed(self, actor, _, count):
        worker = actor.worker
        for partition, begin in worker.fetched.items():
            records = self.world.topic.between(partition, begin, begin + count)
            if records:
                worker.fetched[partition] = records[-1].offset + 1
                actor.tasks.append(asyncio.create_task(self._consume(actor, worker.a_slice(partition, records))))

    async def _consume(self, actor, slice_):
        async with actor.consuming:
            await actor.worker.pipeline.consume(slice_, actor.worker.generation)

    def flush(self, actor, *_):
        actor.tasks.append(asyncio.create_task(actor.worker.flush()))

    def join(self, actor, _, share):
        mine = [partition for partition in self.world.partitions if share & (1 << partition)]
        if mine:
            actor.tasks.append(asyncio.create_task(actor.worker.join(*mine)))

    def leave(self, actor, *_):
        actor.tasks.append(asyncio.create_task(actor.worker.pipeline.revoked()))

    def kill(self, actor, number, _):
        for task in actor.tasks:
            task.cancel()
        del self.actors[number]

    def arrive(self, actor, *_):
        actor.worker.line.arrive()


@settings(max_examples=settings.default.max_examples * 4)
@given(LOGS, FAULTS, STORIES)
@in_virtual_time
async def test_any_story_ends_well(logs, faults, actions):
    """Rebalances, zombies, deaths, lost and late acknowledgements, in any order and at any point of any call."""
    story = Story(logs, faults)
    await story.play([(("join", 0, 3), 1000), *actions])
    await story.end()
    story.world.check()
