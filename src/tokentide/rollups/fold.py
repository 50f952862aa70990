"""The state of one partition, and how one record changes it.

The state is a pure function of a prefix of the partition's log. The shell around it reads records and rows, hands them
over, and stores what `snapshot` returns; time, too, comes from the records alone. The rules that make the stored rows
exact whatever happens to the shell:

- A bucket skips the records below its fence: the row that was read back holds them already.
- A bucket at or above the floor is in memory whenever the store has it, so absent means new. Below the floor it must be
  read back first, with all rows of its project and interval: `cold_places` tells which, `adopt` brings them in, and
  they leave together. So the rows in memory always tell which names an hour has (see `names`).
- A record is folded as a whole: a state that was left in the middle of one is `broken` and gives no snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from tokentide.events import DecodedEvent, RawRecord, Stretch
from tokentide.rollups.buckets import Bucket, ErrorBucket, LatencyBucket
from tokentide.rollups.calls import sum_durations
from tokentide.rollups.counts import Counts, FoldSettings
from tokentide.rollups.dedup import DedupWindow
from tokentide.rollups.event_rows import EventLines
from tokentide.rollups.meaning import is_concrete_call
from tokentide.rollups.names import Key, NameCap, Names, Place, place_of
from tokentide.rollups.snapshot import Position, RowState, Snapshot, hash_of
from tokentide.rollups.tables import Table
from tokentide.rollups.targets import KINDS, Route, Target, call_targets, failure_targets, places_of
from tokentide.rollups.usage import UsageBucket

__all__ = ["PartitionState"]

_AT_ONCE = 1000  # buckets that a piece of a snapshot has: some milliseconds of work
_EPOCH_SHIFT = 48
_HEALTH_MS = 300_000
_HOUR_MS = 3_600_000
_way_of = attrgetter("project_id", "provider", "model", "agent_id", "task_type")


class PartitionState:
    """Buckets, duplicates and position of one partition.

    Args:
        partition: its number.
        settings: windows and limits.
        start: where to go on. Log time at offset 0 is that of the topic's life before: it sets the floor, nothing else.
    """

    def __init__(self, partition: int, settings: FoldSettings, start: Position) -> None:
        self.partition = partition
        self.floor_ms: int | None = None
        self.broken = False
        self._is_being_taken = False
        self.counts = Counts()
        self.dedup = DedupWindow(settings.dedup_window_ms, settings.dedup_max_ids)
        self.tables: dict[type[Bucket], dict[Key, Bucket]] = {kind: {} for kind in KINDS}
        self._hot_window_ms = settings.hot_window_ms
        self._keep_events = settings.keep_events
        self._start = start
        self._next_offset = start.offset
        self._log_time_ms = start.log_time_ms if start.offset else None
        self._last: RawRecord | None = None
        self._version_base = start.epoch << _EPOCH_SHIFT
        self._cap = NameCap(settings.max_names, self.tables[UsageBucket], self.tables[ErrorBucket])
        self._known: dict[type[Bucket], set[Place]] = {kind: set() for kind in KINDS}
        self._routes: dict[tuple[Any, ...], Route] = {}
        self._dirty: list[tuple[Key, Bucket]] = []
        self._event_lines = EventLines(partition)
        if start.log_time_ms is not None:
            self.floor_ms = start.log_time_ms - settings.hot_window_ms

    @property
    def next_offset(self) -> int:
        """The offset of the next record to fold."""
        return self._next_offset

    @property
    def position(self) -> Position:
        """How far the log is folded."""
        last = self._last
        if last is None:
            return self._start
        return Position(self._next_offset, self._log_time_ms, last.timestamp, hash_of(last.value), self._start.epoch)

    @property
    def waiting(self) -> int:
        """Rows that the next snapshot will hold."""
        return len(self._dirty) + self._event_lines.count

    def remember(self, stretch: Stretch) -> None:
        """Rebuild the duplicates window from records below the position, in log order, starting before its edge."""
        for _ in self._repeats(stretch):
            pass

    def cold_places(self, stretch: Stretch) -> dict[Table, set[Place]]:
        """Where rows must be read back before the stretch can be folded."""
        cold: dict[Table, set[Place]] = {}
        if self.floor_ms is None:
            return cold
        floor_ms, last_cold_ms = self.floor_ms, self.floor_ms + _HOUR_MS
        for event in stretch.events:
            if event.event_time_ms >= last_cold_ms or not is_concrete_call(event):
                continue
            for kind, place in places_of(event):
                if place[1] * 1000 < floor_ms and place not in self._known[kind]:
                    cold.setdefault(kind.table, set()).add(place)
        return cold

    def adopt(self, table: Table, rows: Iterable[RowState], asked: Iterable[Place] = ()) -> None:
        """Take over rows as the store holds them: where it was asked for, every one.

        A bucket that is in memory already stays: it is at least as far.
        """
        kind = next(kind for kind in KINDS if kind.table is table)
        buckets = self.tables[kind]
        for row in rows:
            if row.key not in buckets:
                buckets[row.key] = kind.restore(row.values, row.version)
                self._cap.enter(table, row.key)
        self._known[kind].update(asked)

    def fold(self, stretch: Stretch) -> None:
        """Apply the next records. Their cold keys must have been adopted."""
        assert not self.broken, "the state was left in the middle of a record"
        assert not self._is_being_taken, "a snapshot is as of one offset"
        records = stretch.records
        if not records:
            return
        assert records[0].offset >= self._next_offset, "what is folded must not come again"
        self.broken = True
        if self._log_time_ms is not None:
            self.dedup.advance(self._log_time_ms)  # after a restart, ids are seen before log time moves again
        repeats = set(self._repeats(stretch))
        times_ms = [time_ms for time_ms, _ in stretch.steps]
        self._log_time_ms = max(times_ms if self._log_time_ms is None else [self._log_time_ms, *times_ms])
        places = list(zip(stretch.events, stretch.offsets, stretch.indexes, strict=True))
        if repeats:
            places = [place for number, place in enumerate(places) if number not in repeats]
        if self._keep_events:
            self._event_lines.add(places, self._version_base)
        late, skipped = self._fold_events(places)
        self._count(stretch, len(repeats), late, skipped)
        self._last = records[-1]
        self._next_offset = records[-1].offset + 1
        self.broken = False

    def snapshot(self) -> Snapshot:
        """The state as of the position: every row that changed since the last snapshot. Rows are handed over once."""
        *_, taken = self.taking()
        assert taken is not None
        return taken

    def taking(self) -> Iterator[Snapshot | None]:
        """The snapshot, after a None for each piece of the work. Until it comes nothing may be folded."""
        assert not self.broken, "the state was left in the middle of a record"
        self._is_being_taken = True
        for _ in self._deliver():
            yield None
        dirty, rows = self._dirty, []
        for begin in range(0, len(dirty), _AT_ONCE):
            some = dirty[begin : begin + _AT_ONCE]
            LatencyBucket.compress_all([bucket for _, bucket in some if isinstance(bucket, LatencyBucket)])
            for key, bucket in some:
                bucket.dirty = False
                rows.append((bucket, RowState(key, bucket.values(), bucket.version)))
            yield None
        self._dirty, self._is_being_taken = [], False
        yield Snapshot(self.partition, self.position, rows, self._event_lines.take())

    def evict(self) -> None:
        """Raise the floor to the hot window's edge, and forget what lies below it and is stored as it is."""
        self._raise_floor()
        floor_ms = self.floor_ms
        if floor_ms is None:
            return
        gone = [self._forget_below(kind, floor_ms) for kind in KINDS]
        if any(gone):  # no way may lead there
            self._routes = {way: route for way, route in self._routes.items() if route.requests}

    def take_counts(self) -> Counts:
        """The counts since the last call."""
        counts, self.counts = self.counts, Counts()
        return counts

    def _forget_below(self, kind: type[Bucket], floor_ms: int) -> bool:
        """Forget what lies below the floor, but for places with a row that is not stored as it is; whether anything."""
        buckets, cold, kept = self.tables[kind], [], set()
        for key, bucket in buckets.items():
            if int(key[1]) * 1000 < floor_ms:
                cold.append(key)
                if bucket.dirty or bucket.stored_version != bucket.version:
                    kept.add(place_of(key))
        gone = [key for key in cold if place_of(key) not in kept]
        for key in gone:
            del buckets[key]
        self._known[kind] = kept
        self._cap.keep(kind.table, lambda place: place[1] * 1000 >= floor_ms or place in kept)
        return bool(gone)

    def _repeats(self, stretch: Stretch) -> Iterator[int]:
        """Move the duplicates window on, and tell which events of the stretch are duplicates, by their places."""
        begin = 0
        for time_ms, end in stretch.steps:
            self.dedup.advance(time_ms)
            yield from [begin + place for place in self.dedup.repeats(stretch.events[begin:end])]
            begin = end

    def _count(self, stretch: Stretch, duplicates: int, late: int, skipped: int) -> None:
        counts = self.counts
        counts.records += len(stretch.records)
        counts.bytes += stretch.bytes
        counts.missing += stretch.records[-1].offset + 1 - self._next_offset - len(stretch.records)
        counts.read += len(stretch.events) + len(stretch.refusals)
        counts.events += len(stretch.events) - duplicates - skipped
        counts.duplicates += duplicates
        counts.late += late
        counts.skipped += skipped

    def _raise_floor(self) -> None:
        if self._log_time_ms is not None:
            edge_ms = self._log_time_ms - self._hot_window_ms
            self.floor_ms = edge_ms if self.floor_ms is None else max(self.floor_ms, edge_ms)

    def _fold_events(self, places: Iterable[tuple[DecodedEvent, int, int]]) -> tuple[int, int]:
        """Fold events, by their records' offsets and their indexes there; how many were late, how many known."""
        routes, floor_ms, late, skipped = self._routes, self.floor_ms or 0, 0, 0
        for event, offset, _ in places:
            log_offset = self._version_base | offset
            if event.kind != "llm" or event.virtual_model is not None:  # see is_concrete_call; this is the hot path
                continue
            time_ms = event.event_time_ms
            if time_ms < floor_ms:
                late += 1
            way = _way_of(event), time_ms // _HEALTH_MS
            route = routes.get(way)
            if route is None:
                names = self._cap.names_of(event, self.counts)
                route = self._open(way, names, event, log_offset + 1)
            if route is not None:
                names = route.names
                if not route.requests:
                    self._mark(call_targets(event, names))
                route.version = log_offset + 1
                route.add(event)
                route.usage.add_signals(event)
            is_news = route is not None or self._apply(call_targets(event, names), event, log_offset + 1)
            if event.status != "success":
                code = self._cap.code_of(event, names, self.counts)
                is_news |= self._apply(failure_targets(event, names, code), event, log_offset + 1)
            if not is_news:
                skipped += 1
        return late, skipped

    def _open(self, way: tuple[Any, ...], names: Names, event: DecodedEvent, version: int) -> Route | None:
        """The route of an event; None when a bucket is ahead of the log, so that each must be looked at alone."""
        if names.are_shared:  # one route for all of them: they may be without number
            way = (event.project_id, names, way[-1])
            if way in self._routes:
                return self._routes[way]
        buckets = [self._bucket(kind, key) for kind, key in call_targets(event, names)]
        if any(version <= bucket.fence for bucket in buckets):
            return None
        route = self._routes[way] = Route(buckets, names)
        return route

    def _deliver(self) -> Iterator[None]:
        """Bring to the buckets what waits in the routes; those that nobody takes any more are given up."""
        self._routes = {way: route for way, route in self._routes.items() if route.requests}
        routes = list(self._routes.values())
        for begin in range(0, len(routes), _AT_ONCE):
            some = routes[begin : begin + _AT_ONCE]
            sum_durations(some)
            for route in some:
                route.deliver()
            yield

    def _apply(self, targets: Iterable[Target], event: DecodedEvent, version: int) -> bool:
        """Add the event to the buckets that do not hold it yet; whether there was one."""
        is_news = False
        for target in targets:
            bucket = self._bucket(*target)
            if version > bucket.fence:
                bucket.add(event)
                bucket.version = version
                self._mark([target])
                is_news = True
        return is_news

    def _bucket(self, kind: type[Bucket], key: Key) -> Bucket:
        buckets = self.tables[kind]
        bucket = buckets.get(key)
        if bucket is None:
            bucket = buckets[key] = kind()
            self._cap.enter(kind.table, key)
        return bucket

    def _mark(self, targets: Iterable[Target]) -> None:
        """Let the next snapshot hold the buckets."""
        for kind, key in targets:
            bucket = self.tables[kind][key]
            if not bucket.dirty:
                bucket.dirty = True
                self._dirty.append((key, bucket))
