"""The delivery logic: assignments, slices and flushes of one worker, whatever the transport is.

All methods run on one event loop. Folding never awaits between records, so every flush sees states between records.
An unexpected error anywhere makes the pipeline `failed`: it folds and flushes nothing more, and the process must end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from tokentide.errors import DependencyUnavailable, StoreRejected
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import PartitionState, Record
from tokentide.store.rows import Progress
from tokentide.worker.flushing import Flush, carry_out
from tokentide.worker.freshness import Freshness
from tokentide.worker.loading import LoadSettings, load, parse
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import DeadLetter, DeadLetters, Log, Rows, Slice
from tokentide.worker.room import Room

__all__ = ["Pipeline", "PipelineSettings"]

_AT_ONCE = 100  # so many records stay in the processor's cache between being decoded and folded
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What the pipeline depends on besides the fold.

    Attributes:
        load: how state is loaded.
        flush_interval_seconds: longest time between two flushes.
        max_waiting_rows: consumption pauses when so many rows wait to be stored.
    """

    load: LoadSettings
    flush_interval_seconds: float = 2.0
    max_waiting_rows: int = 200_000


class Pipeline:
    """One worker's share of the topic.

    Args:
        settings: limits and intervals.
        rows: the store.
        log: the topic, and where positions are committed.
        dead: the dead-letter topic.
        metrics: what is counted.
        now_ms: the wall clock; it only says how fresh the store is, never what is in it.
    """

    def __init__(
        self,
        settings: PipelineSettings,
        rows: Rows,
        log: Log,
        dead: DeadLetters,
        *,
        metrics: WorkerMetrics,
        now_ms: Callable[[], int],
    ) -> None:
        self.states: dict[int, PartitionState] = {}
        self.ends: Mapping[int, int] = {}
        self.freshness = Freshness({})
        self.room = Room(settings.max_waiting_rows, metrics.gauge("paused"))
        self.failed = False
        self.loaded = False
        self._settings = settings
        self._rows = rows
        self._log = log
        self._dead = dead
        self._metrics = metrics
        self._now_ms = now_ms
        self._assignment = 0
        self._letters: dict[int, list[DeadLetter]] = {}
        self._in_flight: Flush | None = None
        self._flushing = asyncio.Lock()
        self._flush_now = asyncio.Event()

    @property
    def waiting_rows(self) -> int:
        """Rows and dead letters in memory that are not acknowledged yet."""
        in_flight = self._in_flight.rows if self._in_flight else 0
        letters = sum(len(waiting) for waiting in self._letters.values())
        return in_flight + letters + sum(state.waiting for state in self.states.values())

    async def assigned(self, partitions: Collection[int]) -> None:
        """Load the state of the partitions. Returns when it is complete, or when they went elsewhere meanwhile.

        Raises:
            LogMismatch: the log does not continue what the store holds.
        """
        self._assignment += 1
        assignment, started = self._assignment, asyncio.get_running_loop().time()
        self.states, self._letters, self.loaded = {}, {}, False
        self._metrics.counter("rebalances").inc()
        for name in ("lag_records", "committed_offset"):  # what another worker reports now
            self._metrics.gauge(name).clear()
        loaded = {}
        for partition in sorted(partitions):
            found = await until_answered(
                partial(load, partition, self._rows, self._log, self._settings.load),
                f"loading partition {partition}",
                wanted=lambda: assignment == self._assignment,
            )
            if found is None or assignment != self._assignment:
                return
            loaded[partition] = found
        self.states = {partition: found.state for partition, found in loaded.items()}
        self.freshness = Freshness({partition: found.through_ms for partition, found in loaded.items()})
        self.loaded = True
        await self._log.commit({partition: state.next_offset for partition, state in self.states.items()})
        seconds = asyncio.get_running_loop().time() - started
        self._metrics.gauge("state_load_seconds").set(seconds)
        buckets = sum(len(table) for state in self.states.values() for table in state.tables.values())
        _logger.info("partitions %s: %d buckets read back in %.2f s", sorted(loaded), buckets, seconds)
        self._flush_now.set()

    async def revoked(self, patience_seconds: float = 10.0) -> None:
        """Flush what is there, if the store answers in time, and let go of every partition."""
        self.loaded = False
        try:
            async with asyncio.timeout(patience_seconds):
                await self.flush()
        except TimeoutError:
            _logger.warning("no flush before the partitions go: their next worker reads the log again from progress")
        finally:
            self._assignment += 1
            self.states, self._letters = {}, {}
            self.room.made()

    async def consume(self, slice_: Slice, generation: int) -> None:
        """Fold one slice; returns when there is room for the next. A slice of another assignment is dropped."""
        state = self.states.get(slice_.partition)
        if state is None or slice_.generation != generation or self.failed:
            return
        try:
            await self._fold(state, slice_)
        except asyncio.CancelledError:
            self.failed = state.broken
            raise
        except Exception:
            self.failed = True
            raise
        if self.room.is_scarce(self.waiting_rows):
            self._flush_now.set()
            await self.room.wait(self.waiting_rows)

    async def flush(self) -> bool:
        """Store the state as of now; whether everything was stored.

        Raises:
            StoreRejected: the store understood and refused.
        """
        async with self._flushing:
            if self.failed or not self.states:
                return False
            return await self._finish_flush(await self._begin_flush())

    async def flush_forever(self) -> None:
        """Flush at every interval, and earlier when rows pile up."""
        while True:
            try:
                async with asyncio.timeout(self._settings.flush_interval_seconds):
                    await self._flush_now.wait()
            except TimeoutError:
                pass  # the interval is over
            self._flush_now.clear()
            await self.flush()

    async def _fold(self, state: PartitionState, slice_: Slice) -> None:
        limits = self._settings.load.limits
        begin = state.next_offset
        waiting = [raw for raw in slice_.records if raw.offset >= begin]
        while waiting:
            records, waiting = parse(waiting[:_AT_ONCE], limits), waiting[_AT_ONCE:]
            if state.cold_keys(records):
                records += parse(waiting, limits)  # one question for the whole slice
                waiting = []
                if not await self._warm_up(state, records):
                    return
            state.fold_all(records)
            for record in records:
                if record.decoded.refusals:
                    self._refuse(state.partition, record)
        self._count(state)

    async def _warm_up(self, state: PartitionState, records: list[Record]) -> bool:
        """Read back every row that the records need; False when the partition went elsewhere meanwhile."""

        def is_mine() -> bool:
            return self.states.get(state.partition) is state

        while cold := state.cold_keys(records):  # again after each wait: a flush may have let some go
            for table, keys in cold.items():
                read = partial(self._rows.read_keys, table, state.partition, keys)
                found = await until_answered(read, "reading back the rows of late events", is_mine)
                if found is None or not is_mine():
                    return False
                state.adopt(table, found, keys)
        return True

    def _refuse(self, partition: int, record: Record) -> None:
        letters = self._letters.setdefault(partition, [])
        for refusal in record.decoded.refusals:
            letters.append(DeadLetter(partition, record.offset, record.time_ms, refusal))
            self._metrics.counter("dead_letters").labels(refusal.reason).inc()

    def _count(self, state: PartitionState) -> None:
        counts, partition = state.take_counts(), str(state.partition)
        self._metrics.counter("records").labels(partition).inc(counts.records)
        self._metrics.counter("events").labels(partition).inc(counts.events)
        self._metrics.counter("bytes").labels(partition).inc(counts.bytes)
        self._metrics.counter("duplicates").inc(counts.duplicates)
        self._metrics.counter("skipped").inc(counts.skipped)
        self._metrics.counter("late_events").inc(counts.late)

    async def _begin_flush(self) -> Flush:
        """Take the state of every partition as of now.

        Progress is written also when nothing arrived: that the store has everything up to now is news, too.
        """
        asked_ms = self._now_ms()
        ends = await self._ends()
        snapshots = [state.snapshot() for state in self.states.values()]
        progress = []
        for snapshot in snapshots:
            caught_up = snapshot.position.offset >= ends.get(snapshot.partition, 1 << 63)
            through_ms = self.freshness.raise_to(snapshot.partition, snapshot.position, asked_ms if caught_up else None)
            progress.append(Progress(snapshot.partition, snapshot.position, through_ms))
        letters = [letter for waiting in self._letters.values() for letter in waiting]
        self._letters = {}
        return Flush(snapshots, progress, letters)

    async def _ends(self) -> Mapping[int, int]:
        try:
            self.ends = await self._log.ends(self.states)
        except DependencyUnavailable as error:
            _logger.warning("the end of the log is unknown: %s", error)
            return {}
        return self.ends

    async def _finish_flush(self, flush: Flush) -> bool:
        assignment = self._assignment
        self._in_flight = flush
        try:
            done = await carry_out(
                flush,
                self._rows,
                self._log,
                self._dead,
                self._metrics,
                wanted=lambda: assignment == self._assignment and not self.failed,
            )
        except StoreRejected:
            self.failed = True
            raise
        finally:
            self._in_flight = None
        if done and assignment == self._assignment:
            self._after_flush(flush)
        self.room.made()
        return done

    def _after_flush(self, flush: Flush) -> None:
        for state in self.states.values():
            state.evict()
        for entry in flush.progress:
            lag = max(0, self.ends.get(entry.partition, entry.position.offset) - entry.position.offset)
            self._metrics.gauge("lag_records").labels(str(entry.partition)).set(lag)
