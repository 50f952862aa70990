"""How garbage goes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress

from tokentide.worker import collector


class Cycle:
    """It holds itself, as what the store's client leaves behind."""

    def __init__(self):
        self.me = self


async def test_young_cycles_are_freed_though_the_collector_is_spared(monkeypatch):
    """They hold what was inserted, and would stay until a hundred thousand more objects were made, times twenty."""
    monkeypatch.setattr(collector, "_TIDY_SECONDS", 0.01)
    thresholds = gc.get_threshold()
    collector.spare()
    collecting = asyncio.create_task(collector.collect_forever())
    try:
        left = weakref.ref(Cycle())
        async with asyncio.timeout(10):
            while left() is not None:
                await asyncio.sleep(0.01)
    finally:
        collecting.cancel()
        with suppress(asyncio.CancelledError):
            await collecting
        gc.set_threshold(*thresholds)
        gc.unfreeze()
