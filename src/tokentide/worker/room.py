"""Whether there is room for more: how consumption pauses while too many rows wait, or the store must answer first."""

from __future__ import annotations

import asyncio
import logging

from prometheus_client import Gauge

__all__ = ["Room"]

_logger = logging.getLogger(__name__)


class Room:
    """A bound on rows in memory.

    Args:
        rows: so many may wait.
        paused: the gauge that shows a pause.
    """

    def __init__(self, rows: int, paused: Gauge) -> None:
        self._rows = rows
        self._gauge = paused
        self._free = asyncio.Event()
        self.paused = False

    def is_scarce(self, waiting: int) -> bool:
        """Whether it is time to make room already."""
        return waiting >= self._rows // 4

    async def wait(self, waiting: int) -> None:
        """Return at once when there is room, else when some was made."""
        if waiting < self._rows:
            return
        _logger.warning("consumption pauses: %d rows wait to be stored", waiting)
        self._pause(paused=True)
        self._free.clear()
        try:
            await self._free.wait()
        finally:
            self._pause(paused=False)

    def unanswered(self) -> None:
        """Say that what comes next cannot be folded before the store answers."""
        self._pause(paused=True)

    def answered(self) -> None:
        """Say that it did, or that nobody waits for it any more."""
        if self.paused:
            self._pause(paused=False)

    def made(self) -> None:
        """Say that rows were stored, or let go of."""
        self._free.set()

    def _pause(self, *, paused: bool) -> None:
        self.paused = paused
        self._gauge.set(paused)
