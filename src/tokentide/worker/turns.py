"""How long may work hold the event loop? It is done in pieces, and after some milliseconds others get a turn.

Heartbeats, fetches, probes and the store's answers wait while the loop is held, and none of them should for 50 ms.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

from prometheus_client import Histogram

from tokentide.events import Limits, RawRecord, Stretch, read_stretch

__all__ = ["Turns", "pieces_of", "read_in_pieces", "rows_in_pieces", "watch_lag"]

_HELD_SECONDS = 0.01
_LOOK_SECONDS = 0.02
_AT_ONCE = 100
_AT_ONCE_BYTES = 64 * 1024
"""So many records, or bytes, stay in the processor's cache between being decoded and folded."""

_ROWS_AT_ONCE = 1000
_T = TypeVar("_T")


class Turns:
    """One piece of work after the other, as one coroutine does them."""

    def __init__(self) -> None:
        self._time = asyncio.get_running_loop().time
        self._since = self._time()

    async def offer(self) -> None:
        """Let others have a turn when the loop was held long enough."""
        if self._time() - self._since >= _HELD_SECONDS:
            await asyncio.sleep(0)
            self._since = self._time()


def pieces_of(records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
    """Consecutive records in pieces that are decoded at once."""
    begin = 0
    while begin < len(records):
        size = len(records[begin].value or b" ")  # those after it are much alike
        end = begin + max(1, min(_AT_ONCE, _AT_ONCE_BYTES // size))
        yield records[begin:end]
        begin = end


def rows_in_pieces(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Rows in pieces that become buckets at once."""
    return (rows[begin : begin + _ROWS_AT_ONCE] for begin in range(0, len(rows), _ROWS_AT_ONCE))


async def read_in_pieces(records: Sequence[RawRecord], limits: Limits) -> AsyncIterator[Stretch]:
    """Decode consecutive records, with turns for others in between."""
    turns = Turns()
    for piece in pieces_of(records):
        yield read_stretch(piece, limits)
        await turns.offer()


async def watch_lag(lag: Histogram) -> None:
    """Observe, again and again, how much later than asked for the loop comes back: that long it was held, or longer."""
    while True:
        due = time.monotonic() + _LOOK_SECONDS
        await asyncio.sleep(_LOOK_SECONDS)
        lag.observe(max(0.0, time.monotonic() - due))
