"""A fault at every step of a flush: in the end the store holds each event once, as brute force says.

Any faults in any order are the business of `tests/simulation`.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes import Fault, Gate, Line, in_virtual_time
from tests.unit.worker.world import World

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
