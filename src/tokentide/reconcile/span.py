"""Which stretch of event time can be judged, and where in the log it begins? Pure."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LAST_SECOND", "Span", "covered_from_ms", "kept_from_ms"]

HOUR_MS = 3_600_000
LAST_SECOND = 2**32 - 1 - (2**32 - 1) % 3600  # of what the store's times can say, to the hour
_AHEAD_MS = 10 * 60_000  # an event further ahead of its record is refused
_DAY_MS = 86_400_000


class Span(NamedTuple):
    """Whole hours of event time: half-open, in seconds since the epoch."""

    begin: int
    end: int

    @property
    def empty(self) -> bool:
        """Whether it holds no hour."""
        return self.begin >= self.end

    def holds(self, time_ms: int) -> bool:
        """Whether an event of that time belongs to it."""
        return self.begin * 1000 <= time_ms < self.end * 1000

    def since(self, time_ms: int) -> Span:
        """The part of it whose hours begin at that time or later."""
        return Span(max(self.begin, -(-time_ms // HOUR_MS) * 3600), self.end)

    def before(self, hour: int) -> Span:
        """The part of it before an hour."""
        return Span(self.begin, min(self.end, hour))

    def earliest_record_ms(self) -> int:
        """No record before this time holds an event of it."""
        return max(0, self.begin * 1000 - _AHEAD_MS)


def covered_from_ms(first_record_ms: int, dedup_window_ms: int) -> int:
    """From when on a log tells everything whose beginning was deleted: event times from here on are only in the rest.

    Deleted records are no younger than the first that is left, so their events are at most ten minutes younger. An
    event of the rest that repeats a deleted one stands within the duplicates window of the beginning.
    """
    return first_record_ms + dedup_window_ms + _AHEAD_MS


def kept_from_ms(now_ms: int, retention_days: int) -> int:
    """From when on the store keeps rows for certain: what is older may be gone already, or not yet."""
    return now_ms - retention_days * _DAY_MS + HOUR_MS
