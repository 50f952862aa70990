"""Which event_ids a partition has seen lately: decides what is a duplicate, as a function of the log alone.

An id is known when its latest occurrence lies within the window of log time, and it is among the ids seen most
recently. Each occurrence renews it, so re-reading the stretch of log that the window covers gives the same answers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from tokentide.events import DecodedEvent

__all__ = ["DedupWindow"]


class DedupWindow:
    """The ids of one partition.

    Occurrences are numbered in log order. Each project has a dict from an id to the number of its latest occurrence;
    `_ids` and `_projects` list what occurred, by number; `_times` says which log time each stretch of numbers belongs
    to. So forgetting the oldest costs O(1), and an id costs no object but its own integer. Memory is bound by
    `max_ids`, however often an id is repeated.

    Args:
        window_ms: an id is known this long after its latest occurrence, in log time, the last millisecond included.
        max_ids: at most so many ids are known.
    """

    __slots__ = ("_first", "_ids", "_known", "_latest", "_next", "_projects", "_times", "_window_ms", "max_ids")

    def __init__(self, window_ms: int, max_ids: int) -> None:
        self._window_ms = window_ms
        self.max_ids = max_ids
        self._latest: dict[str, dict[int, int]] = {}
        self._ids: deque[int] = deque()
        self._projects: deque[str] = deque()
        self._times: deque[tuple[int, int]] = deque()
        self._first = 0
        self._next = 0
        self._known = 0

    def __len__(self) -> int:
        return self._known

    def advance(self, log_time_ms: int) -> None:
        """Move to the time of a record; log time never falls. What has left the window is forgotten."""
        times = self._times
        if times and log_time_ms <= times[-1][1]:
            return
        times.append((self._next, log_time_ms))
        oldest_ms = log_time_ms - self._window_ms
        while times[0][1] < oldest_ms:
            times.popleft()
        while self._first < times[0][0]:
            self._forget_oldest()

    def repeats(self, events: Sequence[DecodedEvent]) -> list[int]:
        """The places of those events whose id was known already; the ids of all of them are known from now on."""
        places = []
        latest_of, add_id, add_project = self._latest, self._ids.append, self._projects.append
        for place, event in enumerate(events):
            project_id, event_id = event.project_id, event.event_id.int
            latest = latest_of.get(project_id)
            if latest is None:
                latest = latest_of[project_id] = {}
            number = self._next
            self._next = number + 1
            add_id(event_id)
            add_project(project_id)
            if latest.setdefault(event_id, number) == number:
                self._known += 1
                while self._known > self.max_ids:
                    self._forget_oldest()
            else:
                latest[event_id] = number
                places.append(place)
                if len(self._ids) > 2 * self.max_ids:
                    self._drop_repeats()
        return places

    def _forget_oldest(self) -> None:
        event_id, project_id = self._ids.popleft(), self._projects.popleft()
        latest = self._latest[project_id]
        if latest[event_id] == self._first:  # else it was seen again since
            del latest[event_id]
            self._known -= 1
            if not latest:
                del self._latest[project_id]
        self._first += 1

    def _drop_repeats(self) -> None:
        """Number the latest occurrences without gaps, and drop the others."""
        every = enumerate(zip(self._projects, self._ids, strict=True), self._first)
        kept = [(number, *place) for number, place in every if self._latest[place[0]][place[1]] == number]
        for number, (_, project_id, event_id) in enumerate(kept):
            self._latest[project_id][event_id] = number
        self._ids.clear()  # in place, as `repeats` goes on adding to them
        self._ids.extend(event_id for _, _, event_id in kept)
        self._projects.clear()
        self._projects.extend(project_id for _, project_id, _ in kept)
        self._times = deque((bisect_left(kept, (number,)), time_ms) for number, time_ms in self._times)
        self._first, self._next = 0, len(kept)
