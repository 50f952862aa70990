"""How garbage goes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import asynccontextmanager, suppress

from tokentide.worker import collector


class Cycle:
    """It holds itself, as what the store's client leaves behind."""

    def __init__(self):
        self.me = self


@asynccontextmanager
async def collecting(monkeypatch, flushing):
    """The collector as a worker runs it, a thousand times as often."""
    monkeypatch.setattr(collector, "_TIDY_SECONDS", 0.01)
    thresholds = gc.get_threshold()
    collector.spare()
    running = asyncio.create_task(collector.collect_forever(flushing))
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def gone(left):
    """Return when what the reference leads to is freed."""
    async with asyncio.timeout(10):
        while left() is not None:
            await asyncio.sleep(0.01)


async def test_young_cycles_are_freed_though_the_collector_is_spared(monkeypatch):
    """They hold what was inserted, and would stay until ten thousand more objects were made."""
    async with collecting(monkeypatch, asyncio.Lock()):
        await gone(weakref.ref(Cycle()))


async def test_nothing_is_left_unlooked_at_in_the_middle_of_a_flush(monkeypatch):
    """What an insert that is under way leaves behind later is young then, and is freed."""
    flushing = asyncio.Lock()
    async with collecting(monkeypatch, flushing):
        async with flushing:
            before, insert = gc.get_freeze_count(), Cycle()
            await asyncio.sleep(0.05)  # time for some rounds of it
            assert gc.get_freeze_count() <= before  # what dies otherwise leaves it
        left = weakref.ref(insert)
        del insert
        await gone(left)


async def test_what_stays_is_looked_at_once(monkeypatch):
    """Buckets live for hours: after one look they are out of the collector's sight."""
    async with collecting(monkeypatch, asyncio.Lock()):
        kept, before = [Cycle() for _ in range(1000)], gc.get_freeze_count()
        async with asyncio.timeout(10):
            while gc.get_freeze_count() < before + len(kept):
                await asyncio.sleep(0.01)
