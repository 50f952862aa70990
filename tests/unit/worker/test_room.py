"""When consumption pauses, and when it goes on."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.fakes import in_virtual_time
from tokentide.worker.room import Room


@pytest.fixture
def gauge():
    return Gauge("paused", "", registry=CollectorRegistry())


def shown(gauge):
    return gauge.collect()[0].samples[0].value


@pytest.mark.parametrize(("waiting", "scarce"), [(0, False), (24, False), (25, True), (400, True)])
def test_room_is_made_before_it_is_needed(gauge, waiting, scarce):
    """From a quarter of the bound on a flush is worth its while."""
    assert Room(100, gauge).is_scarce(waiting) is scarce


def test_there_is_no_wait_below_the_bound(gauge):
    """Not even for a turn of the loop."""

    @in_virtual_time
    async def run():
        room = Room(100, gauge)
        await room.wait(99)
        assert not room.paused

    run()


def test_at_the_bound_it_waits_until_room_was_made(gauge):
    """The gauge shows it meanwhile; room that was made before does not count."""

    @in_virtual_time
    async def run():
        room = Room(100, gauge)
        room.made()
        waiting = asyncio.create_task(room.wait(100))
        await asyncio.sleep(3600)
        assert (room.paused, shown(gauge), waiting.done()) == (True, 1, False)
        room.made()
        await waiting
        assert (room.paused, shown(gauge)) == (False, 0)

    run()


def test_a_wait_that_is_cancelled_pauses_no_more(gauge):
    """The process ends, and the gauge tells the truth to the last."""

    @in_virtual_time
    async def run():
        room = Room(1, gauge)
        waiting = asyncio.create_task(room.wait(1))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (room.paused, shown(gauge)) == (False, 0)

    run()
