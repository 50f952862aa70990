"""How does a worker keep daily rows, beside its flushes and never in their way?

    1  `open` is acknowledged        before the flush that brings rows to a day that is over (`flushing`)
    2  rows and progress are         the flush is acknowledged, at some position
    3  the daily rows are            made by the store, of the hourly rows as they are now
    4  `sealed` is, at the position  from here on readers take the daily rows

Step 3 begins when step 2 is done, and step 4 when step 3 is. What fails is done again, later; until then readers take
the hours. Days that are over and not sealed, as after an upgrade, are made the same way, the newest first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence

from tokentide.errors import StoreError
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import Snapshot
from tokentide.rollups.days import DayMark, Days
from tokentide.store.rows import Progress
from tokentide.worker.patience import backoff_seconds
from tokentide.worker.ports import Rows

__all__ = ["DayKeeper"]

_LOOKS_QUIETS = 10
_logger = logging.getLogger(__name__)


class DayKeeper:
    """The daily rows of a worker's partitions.

    Args:
        rows: the store.
        metrics: what was made, and what waits for it, is counted there.
        most_days: no day is made that is longer ago than rows are kept.
        quiet_seconds: how long no late rows came to a day before it is made again.
    """

    def __init__(self, rows: Rows, metrics: WorkerMetrics, most_days: int, quiet_seconds: float) -> None:
        self._rows = rows
        self._metrics = metrics
        self._most_days = most_days
        self._quiet_seconds = quiet_seconds
        self._days = Days()
        self._news = asyncio.Event()
        self._looked_at = 0.0

    def assigned(self, partitions: Collection[int]) -> None:
        """Keep the days of these partitions from now on, and of no others."""
        self._days = Days(partitions, self._quiet_seconds)
        self._metrics.gauge("days_waiting").set(0)

    def opening(self, snapshots: Iterable[Snapshot]) -> list[DayMark]:
        """The marks that must be acknowledged before the snapshots' rows are inserted."""
        now = asyncio.get_running_loop().time()
        return [mark for snapshot in snapshots for mark in self._days.opening(snapshot, now)]

    def stored(self, progress: Sequence[Progress]) -> None:
        """A flush is acknowledged."""
        for entry in progress:
            self._days.stored(entry.partition, entry.position)
        self._news.set()

    async def keep_forever(self) -> None:
        """Make what is due after each flush; after a failure later, ever more so."""
        failures = 0
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._keep()
                failures = 0
            except StoreError as error:
                pause = backoff_seconds(failures)
                failures += 1
                self._metrics.counter("retries").labels("days").inc()
                _logger.warning("daily rows could not be made, again in %.1f s: %s", pause, error)
                await asyncio.sleep(pause)

    async def _keep(self) -> None:
        days, loop = self._days, asyncio.get_running_loop()
        if loop.time() - self._looked_at >= _LOOKS_QUIETS * self._quiet_seconds:
            self._looked_at = loop.time()
            days.look_again()
        if unknown := days.unknown:
            marks = await self._rows.read_marks(unknown)
            first = await self._rows.first_day()
            if first is not None:
                days.known(marks, unknown, max(first, days.last_over - self._most_days))
        waiting = self._metrics.gauge("days_waiting")
        waiting.set(days.unsealed)
        for day in days.due(loop.time()):
            seals = days.seals(day, loop.time())
            await self._rows.build_day(day, [seal.partition for seal in seals])
            await self._rows.write_marks(seals)
            days.sealed(seals)
            if days is not self._days:  # the partitions went elsewhere; what was sealed is right all the same
                return
            self._metrics.counter("days_built").inc(len(seals))
            waiting.set(days.unsealed)
