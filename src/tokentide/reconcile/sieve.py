"""What do some hours of event time come to, folded anew? The fold itself, over the events of those hours alone.

Duplicates are decided over all events of the log, by the fold's own window; what counts and belongs to the hours then
goes through the fold. So memory holds the rows of those hours, however long the log is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tokentide.events import Limits, RawRecord, Stretch, read_stretch
from tokentide.reconcile.counting import PlainCounts
from tokentide.reconcile.span import Span
from tokentide.rollups import FoldSettings, Key, PartitionState, Position, RowState, Table
from tokentide.rollups.dedup import DedupWindow

__all__ = ["Refused", "Rows", "Sieve"]

Rows = dict[tuple[Table, Key], RowState]
Refused = AbstractSet[tuple[int, int | None, int]]
"""Where dead letters came from in one partition: offset, index and time of the record."""

_FOR_EVER_MS = 1 << 62


class Sieve:
    """One partition's log, from where the hours may begin.

    Args:
        partition: its number.
        start: the first offset that is read, and the topic's epoch.
        span: the hours.
        windows: how long ids are known, and how many; how many names an hour has.
        limits: what events are held against.
        refused: events that were refused when they came; settings that were changed since may accept them.
        keep_events: make the rows of the events table too.

    Attributes:
        places: of the events that are kept: offset, index, project and time.
    """

    def __init__(
        self,
        partition: int,
        start: Position,
        span: Span,
        windows: FoldSettings,
        limits: Limits,
        *,
        refused: Refused = frozenset(),
        keep_events: bool = False,
    ) -> None:
        # Duplicates are sifted out before, so that every event is new to the fold.
        settings = FoldSettings(_FOR_EVER_MS, windows.dedup_window_ms, 0, keep_events, windows.max_names)
        self.state = PartitionState(partition, settings, start)
        self.plain = PlainCounts(span, windows.dedup_window_ms, windows.dedup_max_ids)
        self.places: list[tuple[int, int, str, int]] = []
        self._keep_events = keep_events
        self._span = span
        self._seen = DedupWindow(windows.dedup_window_ms, windows.dedup_max_ids)
        self._limits = limits
        self._refused = refused

    @property
    def held(self) -> int:
        """How many rows are in memory."""
        return sum(len(buckets) for buckets in self.state.tables.values())

    def take(self, records: Sequence[RawRecord]) -> None:
        """Fold and count the next records."""
        stretch = read_stretch(records, self._limits)
        if self._refused:
            stretch = self._accepted(stretch)
        self.plain.take(stretch)
        self.state.fold(self._wanted(stretch))

    def rows(self) -> Rows:
        """The rows that changed since they were last asked for."""
        return {(bucket.table, row.key): row for bucket, row in self.state.snapshot().rows}

    def hours(self) -> list[int]:
        """The hour of each row in memory, in seconds since the epoch, sorted."""
        keys = [key for buckets in self.state.tables.values() for key in buckets]
        return sorted(int(key[1]) // 3600 * 3600 for key in keys)

    def _accepted(self, stretch: Stretch) -> Stretch:
        """The stretch without what was refused when it came."""
        times = {record.offset: record.timestamp for record in stretch.records}
        places = enumerate(zip(stretch.offsets, stretch.indexes, strict=True))
        return _only(stretch, [n for n, place in places if not self._was_refused(*place, times[place[0]])])

    def _was_refused(self, offset: int, index: int, time_ms: int) -> bool:
        return not {(offset, None, time_ms), (offset, index, time_ms)}.isdisjoint(self._refused)

    def _wanted(self, stretch: Stretch) -> Stretch:
        """Of the stretch the events that are no duplicates and belong to the hours."""
        repeats: set[int] = set()
        begin = 0
        for time_ms, end in stretch.steps:
            self._seen.advance(time_ms)
            repeats.update(begin + place for place in self._seen.repeats(stretch.events[begin:end]))
            begin = end
        events = enumerate(stretch.events)
        kept = [n for n, event in events if n not in repeats and self._span.holds(event.event_time_ms)]
        if self._keep_events:
            for n in kept:
                event = stretch.events[n]
                place = stretch.offsets[n], stretch.indexes[n], event.project_id, event.event_time_ms
                self.places.append(place)
        return _only(stretch, kept)


def _only(stretch: Stretch, places: Sequence[int]) -> Stretch:
    """The stretch with some of its events, which are given by their places in it, ascending."""
    return Stretch(
        stretch.records,
        stretch.bytes,
        [stretch.events[n] for n in places],
        [stretch.offsets[n] for n in places],
        [stretch.indexes[n] for n in places],
        [(time_ms, bisect_left(places, end)) for time_ms, end in stretch.steps],
    )
