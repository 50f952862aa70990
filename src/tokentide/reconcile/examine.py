"""How one partition is held against its log, span by span of event time, while its worker goes on.

The order makes it fair: the position first, then the rows, then the end of the log. So no row holds a record that is
not read, and each is compared with the log up to its own version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

from tokentide.errors import LogMismatch
from tokentide.events import Limits, RawRecord
from tokentide.reconcile.counting import Counts
from tokentide.reconcile.judging import Difference, count_differences, row_differences, unlike
from tokentide.reconcile.sieve import Refused, Rows, Sieve
from tokentide.reconcile.span import Span
from tokentide.reconcile.stored import Stored
from tokentide.rollups import FoldSettings, Position, hash_of
from tokentide.store.port import Store
from tokentide.worker.ports import Log

__all__ = ["Examination", "Part", "Verdict"]

_EPOCH_SHIFT = 48


@dataclass(frozen=True, slots=True)
class Part:
    """One partition and what of it is to be examined.

    Attributes:
        partition: its number.
        topic: for messages.
        position: how far the store says it holds the log.
        begin: the first offset that is read.
        span: of the rollups.
        events: of the events table; empty leaves that out.
        refused: where its dead letters came from.
    """

    partition: int
    topic: str
    position: Position
    begin: int
    span: Span
    events: Span
    refused: Refused = frozenset()

    @property
    def base(self) -> int:
        """What the epoch adds to every version."""
        return self.position.epoch << _EPOCH_SHIFT


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        rows: how many rows were compared.
        events: how many events of the log were counted.
        passes: how often a stretch of the log was read.
        differences: where store and log differ.
        mended: how many rows were put right on the way.
    """

    rows: int = 0
    events: int = 0
    passes: int = 0
    differences: list[Difference] = field(default_factory=list)
    mended: int = 0

    def add(self, other: Verdict) -> None:
        """Add what was found elsewhere."""
        self.rows += other.rows
        self.events += other.events
        self.passes += other.passes
        self.mended += other.mended
        self.differences += other.differences


class _TooManyRows(Exception):
    def __init__(self, middle: int) -> None:
        super().__init__(middle)
        self.middle = middle


@dataclass(slots=True)
class Examination:
    """What every pass needs.

    Attributes:
        log: the topic.
        store: the rows.
        fold: windows of the fold.
        limits: what events are held against.
        most_rows: so many rows of a partition are held in memory; a span with more is read in two passes.
        on_read: told how many records were read.
    """

    log: Log
    store: Store
    fold: FoldSettings
    limits: Limits
    most_rows: int
    on_read: Callable[[int], None] = lambda _: None

    async def of(self, part: Part) -> list[tuple[Part, Verdict]]:
        """The verdicts on the part, span by span."""
        waiting, done = [part], []
        while waiting:
            next_ = waiting.pop()
            try:
                done.append((next_, await self._pass(next_)))
            except _TooManyRows as error:
                first = replace(next_, span=next_.span.before(error.middle), events=next_.events.before(error.middle))
                rest = Span(error.middle, next_.span.end), Span(max(error.middle, next_.events.begin), next_.events.end)
                waiting += [replace(next_, span=rest[0], events=rest[1]), first]
        return done

    def stored(self, part: Part) -> Stored:
        """The stored rows of the part."""
        return Stored(self.store, part.partition, part.base, part.base | part.position.offset)

    async def read(self, part: Part, sieve: Sieve, end: int, take: Callable[[Sequence[RawRecord]], None]) -> None:
        """Read from where the sieve stands up to an offset."""
        begin = sieve.state.next_offset
        async with aclosing(self.log.read(part.partition, begin, end)) as slices:
            async for raw in slices:
                take(raw)
                self.on_read(len(raw))

    async def sieve(self, part: Part, *, keep_events: bool = False) -> Sieve:
        """An empty sieve that begins where the part's events may."""
        spans = [span for span in (part.span, part.events) if not span.empty] or [part.span]
        whole = Span(min(span.begin for span in spans), max(span.end for span in spans))
        earliest_ms = max(0, whole.earliest_record_ms() - self.fold.dedup_window_ms)
        begin = await self.log.offset_at(part.partition, earliest_ms) if earliest_ms else part.begin
        start = part.position.offset if begin is None else min(max(begin, part.begin), part.position.offset)
        at = Position(offset=start, epoch=part.position.epoch)
        return Sieve(part.partition, at, whole, self.fold, self.limits, refused=part.refused, keep_events=keep_events)

    async def _pass(self, part: Part) -> Verdict:
        stored = self.stored(part)
        size, middle = await asyncio.to_thread(stored.size, part.span)
        if size > self.most_rows:
            _split(part, [middle])
        rows = await asyncio.to_thread(stored.rows, part.span)
        sums = await asyncio.to_thread(partial(stored.sums, part.span, events=part.events))
        end = (await self.log.ends([part.partition]))[part.partition]
        sieve = await self.sieve(part)
        await self.read(part, sieve, part.position.offset, lambda records: self._take(part, sieve, records))
        expected, low = sieve.rows(), sieve.plain.copy()
        through = part.base | part.position.offset
        ahead = {place: row for place, row in rows.items() if row.version > through}
        newest = max([row.version for row in ahead.values()] + [version for _, version in sums.values()], default=0)
        found = list(row_differences(_within(expected, part.span), rows, through))
        upto = min(end, newest - part.base) if newest > through else part.position.offset
        found += await self._ahead(part, sieve, upto, ahead, expected)
        found += count_differences(_told(low, part), _told(sieve.plain.copy(), part), sums, through)
        return Verdict(len(expected.keys() | rows.keys()), _events_of(low), 1, found)

    def _take(self, part: Part, sieve: Sieve, records: Sequence[RawRecord]) -> None:
        sieve.take(records)
        if sieve.held > self.most_rows:
            _split(part, sieve.hours())
        last = records[-1] if records else None
        position = part.position
        if last is not None and last.offset == position.offset - 1 and hash_of(last.value) != position.record_hash != 0:
            raise LogMismatch(
                f"{part.topic}[{part.partition}]: the record at offset {last.offset} is not the one that was stored: "
                "the topic was deleted and made again, or the store is another one's; docs/guarantee.md says what to do"
            )

    async def _ahead(self, part: Part, sieve: Sieve, end: int, ahead: Rows, before: Rows) -> list[Difference]:
        """Compare each row above the position with the log up to its version, reading on record by record."""
        latest = dict(before)
        waiting = dict(ahead)

        def take(records: Sequence[RawRecord]) -> None:
            for record in records:
                sieve.take([record])
                changed = sieve.rows()
                latest.update(changed)
                for place in changed.keys() & waiting.keys():
                    row, now = waiting[place], changed[place]
                    if row.version == now.version and unlike(place[0], now.values, row.values) is None:
                        del waiting[place]

        await self.read(part, sieve, end, take)
        said = "the version is of no record that changed it, or the row is not what that record made of it"
        return [
            Difference(table.name, int(key[1]), key, said, row, latest.get((table, key)))
            for (table, key), row in waiting.items()
        ]


def _split(part: Part, hours: list[int]) -> None:
    """Give up the pass for two, each with about half of the rows whose hours are given; an hour cannot be split."""
    for middle in (hours[len(hours) // 2], hours[len(hours) // 2] + 3600):
        if part.span.begin < middle < part.span.end:
            raise _TooManyRows(middle)


def _within(rows: Rows, span: Span) -> Rows:
    return {place: row for place, row in rows.items() if span.begin <= int(place[1][1]) < span.end}


def _told(counts: Counts, part: Part) -> Counts:
    return {place: found for place, found in counts.items() if _concerns(place, part)}


def _concerns(place: tuple[str, int], part: Part) -> bool:
    table, hour = place
    span = part.events if table == "events" else part.span
    return span.begin <= hour < span.end


def _events_of(counts: Counts) -> int:
    return sum(found["events"] for (table, _), found in counts.items() if table == "events")
