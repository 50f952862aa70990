"""Single events on their way to the events table, as JSON lines by month."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tokentide.events import DecodedEvent
from tokentide.rollups.snapshot import EventRows, month_of

__all__ = ["EventLines"]

_encode_lines = msgspec.json.Encoder().encode_lines


class EventLines:
    """The rows of one partition that wait for the next snapshot.

    Args:
        partition: its number.

    Attributes:
        count: how many rows wait.
    """

    def __init__(self, partition: int) -> None:
        self.count = 0
        self._partition = partition
        self._waiting: dict[int, list[tuple[int, bytes]]] = {}

    def add(self, places: Sequence[tuple[DecodedEvent, int, int]], version_base: int) -> None:
        """Make rows of events: (event, its record's offset, its index there)."""
        for event, offset, index in places:
            event.log_partition = self._partition
            event.log_offset = version_base | offset
            event.log_index = index
        by_month: dict[int, list[DecodedEvent]] = {}
        for event, _, _ in places:
            by_month.setdefault(month_of(event.event_time_ms), []).append(event)
        for month, events in by_month.items():
            self._waiting.setdefault(month, []).append((len(events), _encode_lines(events)))
        self.count += len(places)

    def take(self) -> list[EventRows]:
        """All that waits, which then waits no more."""
        taken = [
            EventRows(month, b"".join(lines for _, lines in parts), sum(count for count, _ in parts))
            for month, parts in self._waiting.items()
        ]
        self._waiting, self.count = {}, 0
        return taken
