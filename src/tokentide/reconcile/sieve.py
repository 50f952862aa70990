"""What do some hours of event time come to, folded anew? The fold itself, over the events of those hours alone.

Duplicates are decided over all events of the log, by the fold's own window; what counts and belongs to the hours then
goes through the fold. So memory holds the rows of those hours, however long the log is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from tokentide.events import Decoded
from tokentide.reconcile.counting import PlainCounts
from tokentide.reconcile.span import Span
from tokentide.rollups import FoldSettings, Key, PartitionState, Position, Record, RowState, Table
from tokentide.rollups.dedup import DedupWindow

__all__ = ["Refused", "Rows", "Sieve"]

Rows = dict[tuple[Table, Key], RowState]
Refused = Collection[tuple[int, int | None, int]]
"""Where dead letters came from in one partition: offset, index and time of the record."""

_FOR_EVER_MS = 1 << 62


class Sieve:
    """One partition's log, from where the hours may begin.

    Args:
        partition: its number.
        start: the first offset that is read, and the topic's epoch.
        span: the hours.
        windows: how long ids are known, and how many.
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
        refused: Refused = (),
        *,
        keep_events: bool = False,
    ) -> None:
        # Duplicates are sifted out before, so that every event is new to the fold.
        settings = FoldSettings(_FOR_EVER_MS, windows.dedup_window_ms, 0, keep_events)
        self.state = PartitionState(partition, settings, start)
        self.plain = PlainCounts(span, windows.dedup_window_ms, windows.dedup_max_ids)
        self.places: list[tuple[int, int, str, int]] = []
        self._keep_events = keep_events
        self._span = span
        self._seen = DedupWindow(windows.dedup_window_ms, windows.dedup_max_ids)
        self._refused = refused

    @property
    def held(self) -> int:
        """How many rows are in memory."""
        return sum(len(buckets) for buckets in self.state.tables.values())

    def take(self, records: Sequence[Record]) -> None:
        """Fold and count the next records."""
        kept = []
        for record in records:
            valid = self._valid(record) if self._refused else record
            self.plain.take(valid)
            kept.append(self._sifted(valid))
        self.state.fold_all(kept)

    def rows(self) -> Rows:
        """The rows that changed since they were last asked for."""
        return {(bucket.table, row.key): row for bucket, row in self.state.snapshot().rows}

    def hours(self) -> list[int]:
        """The hour of each row in memory, in seconds since the epoch, sorted."""
        keys = [key for buckets in self.state.tables.values() for key in buckets]
        return sorted(int(key[1]) // 3600 * 3600 for key in keys)

    def _valid(self, record: Record) -> Record:
        """The record without what was refused when it came."""
        if (record.offset, None, record.time_ms) in self._refused:
            return Record(record.offset, record.time_ms, record.value, Decoded())
        return self._only(record, lambda index: (record.offset, index, record.time_ms) not in self._refused)

    def _sifted(self, record: Record) -> Record:
        self._seen.advance(record.time_ms)
        wanted = []
        for index, event in zip(record.decoded.indexes, record.decoded.events, strict=True):
            if self._seen.is_new(event.project_id, event.event_id.int) and self._span.holds(event.event_time_ms):
                wanted.append(index)
                if self._keep_events:
                    self.places.append((record.offset, index, event.project_id, event.event_time_ms))
        chosen = set(wanted)
        return self._only(record, chosen.__contains__)

    @staticmethod
    def _only(record: Record, holds: Callable[[int], bool]) -> Record:
        pairs = zip(record.decoded.indexes, record.decoded.events, strict=True)
        kept = [(index, event) for index, event in pairs if holds(index)]
        decoded = Decoded([event for _, event in kept], [index for index, _ in kept])
        return Record(record.offset, record.time_ms, record.value, decoded)
