"""The delivery logic: assignments, slices and flushes of one worker, whatever the transport is.

All methods run on one event loop. Folding awaits only between records, and not while a flush takes a state, so every
flush sees states between records.
An unexpected error anywhere makes the pipeline `failed`: it folds and flushes nothing more, and the process must end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from tokentide.errors import DependencyUnavailable
from tokentide.events import Stretch
from tokentide.metrics import WorkerMetrics
from tokentide.rollups import PartitionState, Snapshot
from tokentide.store.rows import Progress
from tokentide.worker.breaker import Breaker, RatioLimit
from tokentide.worker.days import DayKeeper
from tokentide.worker.flushing import Flush, carry_out
from tokentide.worker.folding import Folding, fold_slice
from tokentide.worker.freshness import Freshness
from tokentide.worker.full_hours import FullHours
from tokentide.worker.letters import Letters
from tokentide.worker.loading import LoadSettings, load
from tokentide.worker.patience import until_answered
from tokentide.worker.ports import DeadLetters, Log, Rows, Slice
from tokentide.worker.room import Room
from tokentide.worker.tally import count_folded, count_refused, forget_partitions, show_lag
from tokentide.worker.turns import Turns

__all__ = ["Pipeline", "PipelineSettings"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What the pipeline depends on besides the fold.

    Attributes:
        load: how state is loaded.
        flush_interval_seconds: longest time between two flushes.
        max_waiting_rows: consumption pauses when so many rows wait to be stored.
        refused: how much of a partition may be refused before the worker stops.
        quiet_seconds: how long no late rows came to a day before its daily rows are made again.
    """

    load: LoadSettings
    flush_interval_seconds: float = 2.0
    max_waiting_rows: int = 200_000
    refused: RatioLimit = field(default_factory=RatioLimit)
    quiet_seconds: float = 60.0


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
        self.days = DayKeeper(rows, metrics, settings.load.limits.retention_days, settings.quiet_seconds)
        self.failed = False
        self.loaded = False
        self._settings = settings
        self._rows = rows
        self._log = log
        self._dead = dead
        self._metrics = metrics
        self._now_ms = now_ms
        self._assignment = 0
        self._letters = Letters()
        self._breaker = Breaker(settings.refused, settings.load.topic)
        self._full_hours = FullHours(settings.load.fold.max_names)
        self._in_flight: Flush | None = None
        self.flushing = asyncio.Lock()
        self._undisturbed = asyncio.Lock()
        self._flush_now = asyncio.Event()
        self._stored: dict[int, Progress] = {}

    @property
    def waiting_rows(self) -> int:
        """Rows in memory that are not acknowledged yet; dead letters count as the rows that would take their room."""
        in_flight = self._in_flight.rows if self._in_flight else 0
        return in_flight + self._letters.rows + sum(state.waiting for state in self.states.values())

    async def assigned(self, partitions: Collection[int]) -> None:
        """Load the state of the partitions. Returns when it is complete, or when they went elsewhere meanwhile.

        Raises:
            LogMismatch: the log does not continue what the store holds.
        """
        self._assignment += 1
        assignment, started = self._assignment, asyncio.get_running_loop().time()
        self._let_go()
        self._metrics.counter("rebalances").inc()
        if not await self._load(partitions, lambda: assignment == self._assignment):
            return
        self.loaded = True
        seconds = asyncio.get_running_loop().time() - started
        self._metrics.gauge("state_load_seconds").set(seconds)
        buckets = sum(len(table) for state in self.states.values() for table in state.tables.values())
        _logger.info("partitions %s: %d buckets read back in %.2f s", sorted(self.states), buckets, seconds)
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
            self._let_go()

    async def consume(self, slice_: Slice, generation: int) -> None:
        """Fold one slice; returns when there is room for the next. A slice of another assignment is dropped."""
        state = self.states.get(slice_.partition)
        if state is None or slice_.generation != generation or self.failed:
            return
        try:
            await fold_slice(self._folding(state), slice_.records, self._log)
        except asyncio.CancelledError:
            self.failed |= state.broken
            raise
        except Exception:
            self.failed = True
            raise
        finally:
            self.room.answered()
            self._count_folded(state)
        if self.room.is_scarce(self.waiting_rows):
            self._flush_now.set()
            await self.room.wait(self.waiting_rows)

    async def flush(self) -> bool:
        """Store the state as of now; whether everything was stored.

        Raises:
            StoreRejected: the store understood and refused.
        """
        async with self.flushing:
            asked_ms = self._now_ms()
            if self.states:
                await self._look_for_ends()
            if self.failed or not self.states:  # asked after the wait, in which much may happen
                return False
            self._in_flight = flush = Flush()
            try:
                return await self._begin_flush(flush, asked_ms) and await self._finish_flush(flush)
            finally:
                self._in_flight = None

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

    async def show_lag(self) -> None:
        """Show what waits in the log by now, also while a flush goes on; nothing new while Kafka does not answer."""
        with contextlib.suppress(DependencyUnavailable):
            ends = await self._log.ends(self._stored)
            show_lag(self._metrics, self._stored.values(), ends)  # looked up anew: partitions may be gone by now

    async def _load(self, partitions: Collection[int], is_mine: Callable[[], bool]) -> bool:
        """Take the partitions on; False when they went elsewhere meanwhile."""
        loaded = {}
        for partition in sorted(partitions):
            read = partial(load, partition, self._rows, self._log, self._settings.load)
            repeats = partial(self._repeats, "load")
            found = await until_answered(read, f"loading partition {partition}", is_mine, repeats)
            if found is None or not is_mine():
                return False
            loaded[partition] = found
            recall = partial(self._recall, partition, found.state.next_offset)
            if not await until_answered(recall, f"reading what partition {partition} had refused", is_mine, repeats):
                return False
        self.states = {partition: found.state for partition, found in loaded.items()}
        self.freshness = Freshness({partition: found.through_ms for partition, found in loaded.items()})
        self.days.assigned(self.states)
        # Here the transport goes on. When the commit is refused it does so elsewhere: what comes again is dropped, and
        # what it leaves out is read.
        commit = partial(self._log.commit, {state.partition: state.next_offset for state in self.states.values()})
        await until_answered(commit, "the first commit", is_mine, partial(self._repeats, "commit"))
        return is_mine()

    async def _recall(self, partition: int, offset: int) -> bool:
        await self._breaker.recall(partition, offset, self._log, self._settings.load.limits)
        return True

    def _folding(self, state: PartitionState) -> Folding:
        return Folding(
            state,
            self._rows,
            self._settings.load.limits,
            self._undisturbed,
            is_mine=lambda: self.states.get(state.partition) is state,
            folded=partial(self._folded, state.partition),
            failed=self._read_back_failed,
        )

    def _read_back_failed(self, error: Exception) -> None:
        self._repeats("read_back", error)
        self.room.unanswered()

    def _repeats(self, step: str, _: Exception) -> None:
        self._metrics.counter("retries").labels(step).inc()

    def _folded(self, partition: int, stretch: Stretch) -> None:
        if stretch.refusals:
            self._letters.add(partition, stretch.refusals)
            count_refused(self._metrics, partition, stretch.refusals)
            self._count_folded(self.states[partition])  # so that all counters agree
            self._breaker.look_at(partition, stretch)

    def _count_folded(self, state: PartitionState) -> None:
        counts = state.take_counts()
        count_folded(self._metrics, state.partition, counts)
        self._full_hours.tell(state.partition, counts.full_hours, asyncio.get_running_loop().time())

    def _let_go(self) -> None:
        """Forget every partition, and show none."""
        self.states, self.ends, self.loaded, self._stored = {}, {}, False, {}
        self.days.assigned(())
        self._letters = Letters()
        forget_partitions(self._metrics)
        self.room.made()

    async def _look_for_ends(self) -> None:
        try:
            self.ends = await self._log.ends(self.states)
        except DependencyUnavailable as error:
            _logger.warning("the end of the log is unknown: %s", error)
            self.ends = {}

    async def _begin_flush(self, flush: Flush, asked_ms: int) -> bool:
        """Take the state of every partition; the ends of the log were asked for at `asked_ms` or later.

        Progress is written also when nothing arrived: that the store has everything up to now is news, too. Letters are
        taken last: they may be of records above the positions, never the other way round.
        """
        assignment = self._assignment
        states = list(self.states.values())
        if not await flush.take(states, self._undisturbed, lambda: assignment == self._assignment and not self.failed):
            return False
        flush.progress = [self._progress(snapshot, asked_ms) for snapshot in flush.snapshots]
        flush.opened = self.days.opening(flush.snapshots)
        flush.letters = self._letters.take()
        return True

    def _progress(self, snapshot: Snapshot, asked_ms: int) -> Progress:
        partition, position = snapshot.partition, snapshot.position
        caught_up = position.offset >= self.ends.get(partition, 1 << 63)
        return Progress(partition, position, self.freshness.of(partition, position, asked_ms if caught_up else None))

    async def _finish_flush(self, flush: Flush) -> bool:
        assignment = self._assignment
        try:
            done = await carry_out(
                flush,
                self._rows,
                self._log,
                self._dead,
                self._metrics,
                wanted=lambda: assignment == self._assignment and not self.failed,
            )
        except Exception:
            self.failed = True
            raise
        if done and assignment == self._assignment:
            await self._after_flush(flush)
        self.room.made()
        return done

    async def _after_flush(self, flush: Flush) -> None:
        for entry in flush.progress:
            self.freshness.raise_to(entry.partition, entry.through_ms)
            self._stored[entry.partition] = entry
        self.days.stored(flush.progress)
        show_lag(self._metrics, flush.progress, self.ends)
        turns = Turns()
        for state in list(self.states.values()):
            async with self._undisturbed:
                state.evict()
            await turns.offer()
