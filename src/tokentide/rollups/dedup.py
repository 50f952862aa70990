"""Which event_ids a partition has seen lately: decides what is a duplicate, as a function of the log alone.

An id is known when its latest occurrence lies within the window of log time, and it is among the ids seen most
recently. Each occurrence renews it, so re-reading the stretch of log that the window covers gives the same answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

__all__ = ["DedupWindow"]


class DedupWindow:
    """The ids of one partition.

    Occurrences are numbered in log order. `_latest` maps an id to its latest number, `_order` lists the ids by number,
    and `_times` says which log time each stretch of numbers belongs to; so forgetting the oldest costs O(1).

    Args:
        window_ms: an id is known this long after its latest occurrence, in log time, the last millisecond included.
        max_ids: at most so many ids are known.
    """

    __slots__ = ("_first", "_latest", "_next", "_order", "_times", "_window_ms", "max_ids")

    def __init__(self, window_ms: int, max_ids: int) -> None:
        self._window_ms = window_ms
        self.max_ids = max_ids
        self._latest: dict[Hashable, int] = {}
        self._order: deque[Hashable] = deque()
        self._times: deque[tuple[int, int]] = deque()
        self._first = 0
        self._next = 0

    def __len__(self) -> int:
        return len(self._latest)

    def advance(self, log_time_ms: int) -> None:
        """Move to a log time, which never falls; what has left the window is forgotten."""
        times = self._times
        if times and times[-1][1] == log_time_ms:
            return
        times.append((self._next, log_time_ms))
        oldest_ms = log_time_ms - self._window_ms
        while times[0][1] < oldest_ms:
            times.popleft()
        while self._first < times[0][0]:
            self._forget_oldest()

    def is_new(self, identity: Hashable) -> bool:
        """Whether the id was unknown; it is known from now on."""
        number = self._next
        self._next = number + 1
        latest = self._latest
        new = identity not in latest
        latest[identity] = number
        self._order.append(identity)
        if len(latest) > self.max_ids:
            self._shrink()
        return new

    def _shrink(self) -> None:
        while len(self._latest) > self.max_ids:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        identity = self._order.popleft()
        if self._latest[identity] == self._first:  # else it was seen again since
            del self._latest[identity]
        self._first += 1
